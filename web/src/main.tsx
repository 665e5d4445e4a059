import { render } from "preact";
import { Page } from "./page.tsx";
import { writeOutAll } from "./parts/shown-text.ts";

writeOutAll();
render(<Page />, document.getElementById("page")!);
