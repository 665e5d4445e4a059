/** What the reader searches for: plain text in any case, or an RE2 expression between slashes. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Finding, plainFinding } from "./finding.ts";

/** What the browser has of expressions: they are loaded when one is typed, since they are as large as the page. */
type Expressions = { readonly findingOf: (asked: string, expression: string) => Finding | string };

const expressionIn = (asked: string): string | undefined => /^\/(.+)\/$/.exec(asked)?.[1];

/** What to search for; a text says why it is nothing that can be searched for. */
export function useFinding(text: string): Finding | string | undefined {
  const asked = text.trim();
  const isExpression = expressionIn(asked) !== undefined;
  const [expressions, setExpressions] = useState<Expressions | "failed">();
  useEffect(() => {
    if (!isExpression) return;
    import("./expression-finding.ts").then(
      (loaded) => setExpressions(loaded),
      () => setExpressions("failed"),
    );
  }, [isExpression]);
  return useMemo(() => findingOf(asked, expressions), [asked, expressions]);
}

function findingOf(
  asked: string,
  expressions: Expressions | "failed" | undefined,
): Finding | string | undefined {
  if (asked === "") return undefined;
  const expression = expressionIn(asked);
  if (expression === undefined) return plainFinding(asked);
  if (expressions === "failed") return "The server does not send what runs expressions: reload the page.";
  return expressions?.findingOf(asked, expression);
}
