/** What vite makes of an import of a style: a file of its own. */
declare module "*.css";
