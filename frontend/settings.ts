// What plain pages can do better with script: a square is cut out of a picture before it is sent. They work without.
import type { cropSquare } from "./ui/crop";

type Crop = { cropSquare: typeof cropSquare };

for (const field of document.querySelectorAll<HTMLInputElement>("input[type=file][data-square]"))
  field.addEventListener("change", () => void cutSquare(field, import("./ui/crop")));

async function cutSquare(field: HTMLInputElement, fetched: Promise<Crop>): Promise<void> {
  const file = field.files?.[0];
  if (!file) return;
  const crop = await fetched.catch(() => null);
  // Without it the server takes the middle.
  const square = crop ? await crop.cropSquare(file) : file;
  const given = new DataTransfer();
  if (square) given.items.add(square);
  field.files = given.files;
  if (square) showAt(field, square);
  field.focus();
}

function showAt(field: HTMLInputElement, square: File): void {
  const face = field.form?.querySelector(".avatar");
  if (!face) return;
  const image = Object.assign(new Image(), {
    src: URL.createObjectURL(square),
    alt: "",
    className: face.className,
  });
  image.classList.remove("group");
  face.replaceWith(image);
}
