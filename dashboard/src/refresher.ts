// How often changes make the page ask again: at most once per interval, never before the last questions are answered, never while nobody
// looks; and always once more after the last change.

export class Refresher {
  private wanted = false;
  private running = false;
  private last_ms = -Infinity;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly work: () => Promise<unknown>,
    private readonly interval_ms = 500,
    private readonly visible: () => boolean = () => document.visibilityState !== "hidden",
  ) {}

  /** Something has changed. */
  request(): void {
    this.wanted = true;
    this.plan();
  }

  /** To be called when the page is looked at again, too. */
  plan(): void {
    if (!this.wanted || this.running || !this.visible() || this.timer !== undefined) return;
    const wait = Math.max(0, this.last_ms + this.interval_ms - Date.now());
    this.timer = setTimeout(() => void this.run(), wait);
  }

  private async run(): Promise<void> {
    this.timer = undefined;
    this.wanted = false;
    this.running = true;
    this.last_ms = Date.now();
    try {
      await this.work();
    } finally {
      this.running = false;
      this.plan();
    }
  }
}
