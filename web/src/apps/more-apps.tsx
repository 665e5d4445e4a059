/** Says how many apps there are besides those that are drawn, and how to find them. */
import { countOf } from "../parts/words.ts";

export const MoreApps = ({ left }: { left: number }) =>
  left === 0 ? null : (
    <p class="mute more-apps">
      {countOf(left)} more: “Find an app” shows those that have what you type in their names
    </p>
  );
