// The page's own machine as a program: a JSON line {start, steps} in, a line out with what each step led to.
// For test_catchup_cases.py, which bundles it; not for anything else.
import { createInterface } from "node:readline";
import { begin, nextDue, step } from "../../frontend/state/catchup";

const rowOf = ({ seq, version, message, entry }) => [seq, version, message?.text ?? entry.kind];
const rowsOf = (page) => [...page.chats].map(([id, { log }]) => [id, log?.rows.map(rowOf) ?? []]);

for await (const line of createInterface({ input: process.stdin })) {
  const { start, steps } = JSON.parse(line);
  let page = begin(start, 0, 0);
  const seen = steps.map(({ at, random, give }) => {
    const stepped = step(page, give, at, random);
    page = stepped.page;
    return [stepped.effects, nextDue(page), rowsOf(page)];
  });
  console.log(JSON.stringify(seen));
}
