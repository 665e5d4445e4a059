/**
 * Variables by which programs reach the package registry from this machine: its authorities, proxies and registry. A test that
 * gives npm an environment of its own takes these along. Without them npm tries each package again for minutes.
 */
const names =
  /^(?:NODE_EXTRA_CA_CERTS|SSL_CERT_(?:FILE|DIR)|(?:https?|no)_proxy|npm_config_(?:registry|cafile|https?_proxy|https-proxy|proxy|noproxy))$/i;

export const networkEnvironment: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => names.test(name)),
);
