// A text that the browser keeps for the page. Where storage is blocked (refused, null, full) it lasts as long as the page.

export class KeptText {
  /** Null: not looked up yet. */
  private text: string | null = null;

  /** `storage` is asked for each time: where it is blocked, naming it throws. */
  constructor(
    private readonly key: string,
    private readonly storage: () => Storage | null,
  ) {}

  /** Empty: there is none. */
  read(): string {
    if (this.text !== null) return this.text;
    this.text = "";
    try {
      this.text = this.storage()?.getItem(this.key) ?? "";
    } catch {
      // Told above.
    }
    return this.text;
  }

  write(text: string): void {
    this.text = text;
    try {
      const storage = this.storage();
      // First, so that no older text comes back where there is no room for this one.
      storage?.removeItem(this.key);
      if (text) storage?.setItem(this.key, text);
    } catch {
      // Told above.
    }
  }
}
