import { render } from "preact";
import { Page } from "./page.tsx";
import { writeOutAll } from "./parts/write-out-all.ts";

writeOutAll();
render(<Page />, document.getElementById("page")!);
