/** The page that a client sees when the router answers in place of an app, in Heroku's words. */

const page = `<!DOCTYPE html>
<html>
  <head>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta charset="utf-8">
    <title>Application Error</title>
    <style>
      body { font-family: system-ui, sans-serif; color: #333; margin: 15vh auto; max-width: 36em; padding: 0 1em; }
      code { background: #eee; padding: 0.1em 0.3em; }
    </style>
  </head>
  <body>
    <h1>Application error</h1>
    <p>An error occurred in the application and your page could not be served. If you are the application owner,
    check your logs for details. You can do this from the command line with <code>tailrace logs --tail</code>.</p>
  </body>
</html>
`;

/** Bytes and headers of the page. */
export const errorPage = Buffer.from(page);
export const errorHeaders = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-cache, no-store",
  "content-length": errorPage.length,
} as const;
