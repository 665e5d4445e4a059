/**
 * Pages at `/addons/ID/sso`, for browsers: the form that signs on at an add-on's dashboard and posts itself, or why there
 * is none. Its tokens are in fields, so that no address has them, which browsers and proxies keep.
 */
import { createHash } from "node:crypto";
import type { SignOn } from "../../addons/single-sign-on.ts";
import type { AppError } from "../../errors/app-error.ts";
import { escaped } from "../html-text.ts";

const post = "document.forms[0].submit();";
const style =
  ":root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}button{font:inherit;padding:.4rem 1rem}";
const sourceOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** The form's target is not restricted: a dashboard may send the browser on to a host of its own. */
export const signOnPageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; script-src ${sourceOf(post)}; style-src ${sourceOf(style)}; base-uri 'none'; frame-ancestors 'none'`,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

export function signOnPage(addon: string, { method, action, params }: SignOn): string {
  const fields = Object.entries(params).map(
    ([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`,
  );
  return pageOf(
    `Opening ${addon}`,
    `<form method="${method}" action="${escaped(action)}">${fields.join("")}<button>Go on</button></form><script>${post}</script>`,
  );
}

export const failurePage = ({ message, mend }: AppError): string =>
  pageOf("The dashboard cannot be opened", `<p>${escaped(message)}</p><p>${escaped(mend)}</p>`);

const pageOf = (title: string, html: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} · tailrace</title>
<style>${style}</style>
</head>
<body><main><h1>${escaped(title)}</h1>${html}</main></body>
</html>
`;
