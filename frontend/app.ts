// The chat page. Not for: what it does (start.ts).
import { start } from "./start";
import type { Boot } from "./state/types";

const data = document.getElementById("boot");
const root = document.getElementById("app");
if (data?.textContent && root) start(JSON.parse(data.textContent) as Boot, root);
