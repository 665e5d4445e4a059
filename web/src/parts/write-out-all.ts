/**
 * Writes out what cannot be seen, in all text that the page shows: names from an address, keys of a JSON message, words
 * of a receiver. A text that reorders or hides its surroundings would otherwise need only one place that forgot.
 */
import { type ComponentChildren, options, type VNode } from "preact";
import { shownText } from "../log/sgr.ts";

type Props = Record<string, unknown> & { children?: ComponentChildren };

/** Attributes that are read out, or shown in a box of their own. */
const read = ["title", "aria-label"];

/** From now on, for everything that is drawn. What is in fields stays as it is: it is edited and sent. */
export function writeOutAll(): void {
  const before = options.vnode;
  options.vnode = (node: VNode) => {
    const props = node.props as Props | null;
    if (props !== null && typeof props === "object") {
      if (props.children !== undefined) props.children = shownIn(props.children);
      for (const name of read) {
        const text = props[name];
        if (typeof text === "string") props[name] = shownText(text);
      }
    }
    before?.(node);
  };
}

function shownIn(children: ComponentChildren): ComponentChildren {
  if (typeof children === "string") return shownText(children);
  return Array.isArray(children) ? children.map(shownIn) : children;
}
