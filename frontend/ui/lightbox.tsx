// One picture, large; arrows walk through those of its message. Not for: the pictures in the log.
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n/en";
import { viewed } from "../store";
import { Icon } from "./icons";

export function Lightbox() {
  const ref = useRef<HTMLDialogElement>(null);
  const open = viewed.value !== null;
  useEffect(() => {
    if (open) ref.current?.showModal();
  }, [open]);
  if (!viewed.value) return null;
  const { list, index } = viewed.value;
  const picture = list[index];
  if (!picture) return null;
  const close = () => {
    viewed.value = null;
  };
  return (
    <dialog
      ref={ref}
      class="lightbox"
      aria-label={t.pictureOf(picture.name)}
      onClose={close}
      onKeyDown={onKey}
      onClick={(event) => (event.target as Element).closest("img, a, button") ?? ref.current?.close()}
    >
      <header>
        <bdi>{picture.name}</bdi>
        <a
          class="tool"
          href={picture.url ?? "#"}
          target="_blank"
          rel="noopener"
          aria-label={t.download}
          title={t.download}
        >
          <Icon name="picture" />
        </a>
        <button
          type="button"
          class="tool"
          autofocus
          aria-label={t.close}
          onClick={() => ref.current?.close()}
        >
          <Icon name="close" />
        </button>
      </header>
      <img
        key={picture.id}
        src={picture.url ?? ""}
        alt={t.pictureOf(picture.name)}
        width={picture.width ?? undefined}
        height={picture.height ?? undefined}
      />
      {list.length > 1 && (
        <footer>
          <button type="button" class="tool" aria-label={t.previous} onClick={() => step(-1)}>
            <Icon name="left" />
          </button>
          <span>
            {index + 1} / {list.length}
          </span>
          <button type="button" class="tool" aria-label={t.next} onClick={() => step(1)}>
            <Icon name="right" />
          </button>
        </footer>
      )}
    </dialog>
  );
}

function step(by: number): void {
  const now = viewed.value;
  if (now) viewed.value = { ...now, index: (now.index + by + now.list.length) % now.list.length };
}

function onKey(event: KeyboardEvent): void {
  if (event.key === "ArrowLeft") step(-1);
  if (event.key === "ArrowRight") step(1);
}
