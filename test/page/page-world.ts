/** A real server with lines in it, and a real browser in front of it. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { expect } from "vitest";
import { TestServer, testKey } from "../support/server.ts";

export type SentLine = {
  readonly message: string;
  readonly dyno?: string;
  readonly pri?: number;
  readonly atMs?: number;
};

type Look = { readonly width?: number; readonly height?: number; readonly scheme?: "light" | "dark" };

/** The file of a program: a browser is started by that alone. */
function onPath(program: string): string {
  const folders = program.includes("/") ? [""] : (process.env.PATH ?? "").split(delimiter);
  const found = folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`no ${program}: install it, or name it in CHROMIUM`);
  return found;
}

export class PageWorld {
  readonly server: TestServer;
  readonly #browser: Browser;
  readonly #tokens = new Map<string, Record<string, string>>();

  private constructor(server: TestServer, browser: Browser) {
    this.server = server;
    this.#browser = browser;
  }

  static async open(args: readonly string[] = []): Promise<PageWorld> {
    const server = await TestServer.start([...args]);
    const browser = await chromium.launch({
      executablePath: onPath(process.env.CHROMIUM || "chromium"),
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    });
    return new PageWorld(server, browser);
  }

  async createApp(name: string): Promise<void> {
    this.#tokens.set(name, (await this.server.createApp(name)).tokens);
  }

  /** Sends lines of that source, in parcels that a body has room for. */
  async send(app: string, lines: readonly SentLine[], source = "app"): Promise<void> {
    const token = this.#tokens.get(app)![source]!;
    for (let at = 0; at < lines.length; at += 5_000) {
      const body = lines
        .slice(at, at + 5_000)
        .map((line) => frameOf(line, token))
        .join("");
      const response = await fetch(`${this.server.url}/logs`, {
        method: "POST",
        headers: {
          authorization: `Basic ${Buffer.from(`token:${token}`).toString("base64")}`,
          "content-type": "application/logplex-1",
        },
        body,
      });
      if (response.status !== 204) throw new Error(`POST /logs: ${response.status} ${await response.text()}`);
    }
  }

  /** Sends lines of two sources in the order of their times. */
  async sendInOrder(app: string, bySource: Readonly<Record<string, readonly SentLine[]>>): Promise<void> {
    const all = Object.entries(bySource).flatMap(([source, lines]) =>
      lines.map((line) => ({ source, line })),
    );
    all.sort((a, b) => (a.line.atMs ?? 0) - (b.line.atMs ?? 0));
    for (let from = 0; from < all.length; ) {
      const { source } = all[from]!;
      let to = from;
      while (to < all.length && all[to]!.source === source) to++;
      await this.send(
        app,
        all.slice(from, to).map(({ line }) => line),
        source,
      );
      from = to;
    }
  }

  /** A window of a browser in which nobody is signed in. */
  async window({ width = 1_400, height = 900, scheme = "light" }: Look = {}): Promise<{
    context: BrowserContext;
    page: Page;
    faults: string[];
  }> {
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      timezoneId: "UTC",
      acceptDownloads: true,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(100_000); // as of `expect.poll`: for what never comes
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && !/Failed to load resource/.test(message.text()))
        faults.push(message.text());
    });
    return { context, page, faults };
  }

  /** The same, signed in as the operator, at that place of the page. */
  async signedIn(hash: string, look: Look = {}) {
    const opened = await this.window(look);
    await opened.page.goto(`${this.server.url}/`);
    await opened.page.getByLabel("API key").fill(testKey);
    await opened.page.getByRole("button", { name: "Sign in" }).click();
    await opened.page.locator(".shell").waitFor();
    await opened.page.goto(`${this.server.url}/${hash}`);
    return opened;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.server.destroy();
  }
}

function frameOf({ message, dyno = "web.1", pri = 190, atMs = Date.now() }: SentLine, token: string): string {
  const frame = `<${pri}>1 ${new Date(atMs).toISOString()} host ${token} ${dyno} - ${message}`;
  return `${Buffer.byteLength(frame)} ${frame}`;
}

/** Rows of a list that show the text. */
export const rowWith = (page: Page, text: string): Locator => page.locator(".row", { hasText: text });

/**
 * Opens the details of the row with that text, which show `shown` then. A click is lost, or another row's, if rows move between
 * its two halves, as they do while they are measured on a busy machine.
 */
export async function openRow(page: Page, text: string, shown = ""): Promise<void> {
  const details = page.locator(".detail");
  const open = async (): Promise<boolean> => {
    if ((await details.count()) > 0 && (await details.innerText()).includes(shown)) return true;
    await rowWith(page, text).first().click();
    await details.waitFor({ timeout: 3_000 }).catch(() => {});
    return false;
  };
  await expect.poll(open).toBe(true);
}
