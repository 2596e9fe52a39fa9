// Cuts a square out of a picture before it is uploaded: drag, pinch, wheel, a slider, and the same by keys.
// Not for: what the square is used for (settings.ts).
import { render } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { useFingers } from "./fingers";
import { type Box, kept, keyed, type View, WHOLE, zoomed } from "./zoom";

/** In pixels: more than any place shows. */
const LARGEST_SIDE = 1024;
const QUALITY = 0.92;
const FARTHEST = 8;

/** The square that somebody chooses of the picture, the file itself where it cannot be read here, or null: none. */
export function cropSquare(file: File): Promise<File | null> {
  const host = document.body.appendChild(document.createElement("div"));
  const url = URL.createObjectURL(file);
  return new Promise<File | null>((resolve) =>
    render(<Crop file={file} url={url} onDone={resolve} />, host),
  ).finally(() => {
    render(null, host);
    host.remove();
    URL.revokeObjectURL(url);
  });
}

interface Props {
  file: File;
  url: string;
  onDone: (square: File | null) => void;
}

function Crop({ file, url, onDone }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const image = useRef<HTMLImageElement>(null);
  const square = useRef<File | null>(null);
  const [view, setView] = useState<View>(WHOLE);
  const [cover, setCover] = useState<Box>({ width: 0, height: 0 });
  const latest = useRef(view);
  // At once: the picture is measured against the stage, which has no size before.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const show = (next: View) => {
    const side = stage.current?.clientWidth ?? 0;
    latest.current = kept(next, cover, { width: side, height: side });
    setView(latest.current);
  };
  const onLoad = () => {
    const side = stage.current?.clientWidth ?? 0;
    const { naturalWidth: width, naturalHeight: height } = image.current as HTMLImageElement;
    const scale = side / Math.min(width, height);
    setCover({ width: width * scale, height: height * scale });
  };
  const finish = async () => {
    const of = image.current as HTMLImageElement;
    square.current = await cut(of, file, view, (stage.current?.clientWidth ?? 1) / cover.width);
    dialog.current?.close();
  };
  return (
    <dialog
      ref={dialog}
      class="crop"
      aria-labelledby="crop-title"
      onClose={() => onDone(square.current)}
      onKeyDown={(event) => event.key === "Enter" && event.target === stage.current && finish()}
    >
      <h2 id="crop-title">{t.cropTitle}</h2>
      <div
        ref={stage}
        class="crop-stage"
        role="application"
        tabIndex={0}
        autofocus
        aria-label={t.cropLabel}
        onKeyDown={(event) => {
          const next = keyed(latest.current, event.key);
          if (!next) return;
          event.preventDefault();
          show(next);
        }}
        {...useFingers({ stage, view: latest, loose: () => true, show })}
      >
        <img
          ref={image}
          src={url}
          alt=""
          draggable={false}
          onLoad={onLoad}
          onError={() => onDone(file)}
          style={{
            width: `${cover.width}px`,
            height: `${cover.height}px`,
            transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})`,
          }}
        />
      </div>
      <label>
        {t.cropZoom}
        <input
          type="range"
          min={0}
          max={Math.log2(FARTHEST)}
          step={0.05}
          value={Math.log2(view.scale)}
          onInput={(event) =>
            show(zoomed(latest.current, 2 ** Number(event.currentTarget.value) / view.scale))
          }
        />
      </label>
      <div class="acts">
        <button type="button" class="button" onClick={() => dialog.current?.close()}>
          {t.cancel}
        </button>
        <button type="button" class="button primary" disabled={!cover.width} onClick={finish}>
          {t.cropUse}
        </button>
      </div>
    </dialog>
  );
}

/** `share`: how much of the picture's width the stage shows at scale 1. */
async function cut(image: HTMLImageElement, file: File, view: View, share: number): Promise<File> {
  const { naturalWidth: width, naturalHeight: height } = image;
  const side = (width * share) / view.scale;
  const perPixel = side / (image.parentElement?.clientWidth ?? 1);
  const left = (width - side) / 2 - view.x * perPixel;
  const top = (height - side) / 2 - view.y * perPixel;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.round(Math.min(LARGEST_SIDE, side));
  canvas.getContext("2d")?.drawImage(image, left, top, side, side, 0, 0, canvas.width, canvas.height);
  // Others may be see-through. Browsers that cannot write WebP write PNG.
  const type = file.type === "image/jpeg" ? file.type : "image/webp";
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, type, QUALITY));
  if (!blob) return file;
  const name = `${file.name.replace(/\.\w{1,5}$/, "")}.${blob.type.replace("image/", "").replace("jpeg", "jpg")}`;
  return new File([blob], name, { type: blob.type });
}
