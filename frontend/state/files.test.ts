import assert from "node:assert/strict";
import { test } from "node:test";
import { fileKind, sizeOf, splitName } from "./files";

test("a size is told in the reader's language", () => {
  const sizes = [1, 999, 1024, 1536, 10 * 1024 ** 2, 200 * 1024 ** 2, 3 * 1024 ** 3];
  const told = ["1 byte", "999 bytes", "1 kB", "1.5 kB", "10 MB", "200 MB", "3 GB"];
  assert.deepEqual(
    sizes.map((size) => sizeOf(size, "en")),
    told,
  );
  assert.equal(sizeOf(1536, "de"), "1,5 kB");
});

test("a long name keeps its beginning and its extension", () => {
  assert.deepEqual(splitName("the minutes of the meeting.pdf"), ["the minutes of the meet", "ing.pdf"]);
  assert.deepEqual(splitName("a.txt"), ["", "a.txt"]);
  assert.deepEqual(splitName("محضر الاجتماع.docx"), ["محضر الاجتماع", ".docx"]);
  assert.deepEqual(splitName("ru\u0308ckschau.pdf"), ["ru\u0308cksc", "hau.pdf"]);
  assert.equal(splitName(`x.${"y".repeat(40)}`)[1].length, 3);
});

test("an icon goes by the type", () => {
  const types = [
    "application/pdf",
    "text/html",
    "application/zip",
    "application/x-tar",
    "video/mp4",
    "audio/mpeg",
  ];
  const kinds = ["document", "document", "archive", "archive", "film", "sound"];
  assert.deepEqual(types.map(fileKind), kinds);
  assert.deepEqual(["image/svg+xml", "application/octet-stream", ""].map(fileKind), [
    "picture",
    "file",
    "file",
  ]);
});
