// A small panel under its button: Escape and a click elsewhere close it, and the focus goes back.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props {
  label: ComponentChildren;
  name: string;
  open: boolean;
  onOpen: (open: boolean) => void;
  pressed?: boolean;
  class?: string;
  children: ComponentChildren;
}

export function Popover({ label, name, open, onOpen, pressed, class: kind = "button", children }: Props) {
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    root.current?.querySelector<HTMLElement>(".popover input, .popover button")?.focus();
    const outside = (event: MouseEvent) => {
      if (event.target instanceof Node && event.target.isConnected && !root.current?.contains(event.target)) onOpen(false);
    };
    const escape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      onOpen(false);
      button.current?.focus();
    };
    document.addEventListener("mousedown", outside);
    document.addEventListener("keydown", escape);
    return () => {
      document.removeEventListener("mousedown", outside);
      document.removeEventListener("keydown", escape);
    };
  }, [open]);
  return (
    <div class="popover-root" ref={root}>
      <button type="button" ref={button} class={kind} aria-haspopup="dialog" aria-expanded={open} aria-pressed={pressed} onClick={() => onOpen(!open)}>
        {label}
      </button>
      {open && (
        <div class="popover" role="dialog" aria-label={name}>
          {children}
        </div>
      )}
    </div>
  );
}
