// Keeps what is read where it is: sticks to the bottom, else holds one row still while things change around it.
// Not for: what is shown. (Browsers' own anchoring is off: one has none, another none at the very top.)

/** Closer to the bottom than this counts as being there, in pixels. */
const NEAR = 24;

export class ScrollKeeper {
  stuck = true;
  /** False where the rows end in the past: nothing sticks to that end. */
  present = true;
  /** False until the view has been brought to where reading starts. */
  landed = false;
  /** What to do once rows, box or place have changed. */
  moved: () => void = () => {};
  /** Where the end was when it was last gone to, in pixels. */
  private end = 0;
  private anchor: { element: Element; top: number } | null = null;

  constructor(
    readonly box: HTMLElement,
    readonly rows: HTMLElement,
  ) {}

  /** To call after each scroll. */
  scrolled(): void {
    // The event of one's own scrolling comes later: what has grown since then is no reason to stay behind.
    if (this.stuck && this.present && this.box.scrollTop >= this.end) {
      if (this.distance() > 1) this.restore();
      else this.moved();
      return;
    }
    this.stuck = this.present && this.distance() <= NEAR;
    this.remember();
    this.moved();
  }

  /** To call right before the rows change: what stands at the top of the view is to stay there. */
  changing(): void {
    this.heedLeaving();
    if (!this.stuck) this.remember();
  }

  /** To call after rows or box changed in any way. */
  restore(): void {
    this.heedLeaving();
    if (this.stuck) this.sink();
    else this.hold();
    this.moved();
  }

  toBottom(): void {
    this.stuck = true;
    this.sink();
    this.moved();
  }

  /** Brings a row to the upper part of the view. */
  show(element: Element): void {
    const offset = element.getBoundingClientRect().top - this.box.getBoundingClientRect().top;
    this.box.scrollTop += offset - this.box.clientHeight * 0.2;
    this.scrolled();
  }

  /** Pixels between the view and the end. */
  distance(): number {
    return this.box.scrollHeight - this.box.clientHeight - this.box.scrollTop;
  }

  /** The seq of the last row that is wholly in view or above; a row taller than the view counts once it fills it. */
  lastSeen(): number {
    const { bottom } = this.box.getBoundingClientRect();
    const all = this.rows.querySelectorAll<HTMLElement>("[data-seq]");
    for (let index = all.length - 1; index >= 0; index--) {
      const row = all[index] as HTMLElement;
      const at = row.getBoundingClientRect();
      const tall = at.height > this.box.clientHeight && at.top < bottom - this.box.clientHeight / 2;
      if (at.bottom <= bottom + NEAR || tall) return Number(row.dataset.seq);
    }
    return 0;
  }

  /** The seq of the first row in view; 0 where there is none. */
  firstSeen(): number {
    const first = this.firstBelow(this.box.getBoundingClientRect().top);
    return Number((first as HTMLElement | null)?.dataset.seq ?? 0);
  }

  /** One may have scrolled up a moment ago, and the event of it be still to come. */
  private heedLeaving(): void {
    if (this.stuck && this.box.scrollTop < this.end - NEAR) this.stuck = this.distance() <= NEAR;
  }

  private sink(): void {
    this.box.scrollTop = this.box.scrollHeight;
    this.end = this.box.scrollTop;
  }

  private remember(): void {
    const top = this.box.getBoundingClientRect().top;
    const element = this.firstBelow(top);
    this.anchor = element && { element, top: element.getBoundingClientRect().top };
  }

  private hold(): void {
    if (!this.anchor?.element.isConnected) return;
    const moved = this.anchor.element.getBoundingClientRect().top - this.anchor.top;
    if (Math.abs(moved) >= 1) this.box.scrollTop += moved;
  }

  private firstBelow(top: number): Element | null {
    // Only messages and notes: a day or the New line may move to another place among them.
    const all = this.rows.querySelectorAll("[data-seq]");
    let low = 0;
    let high = all.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((all[middle]?.getBoundingClientRect().bottom ?? 0) <= top) low = middle + 1;
      else high = middle;
    }
    return all[low] ?? null;
  }
}
