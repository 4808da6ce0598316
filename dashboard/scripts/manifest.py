#!/usr/bin/env python3
"""dist/manifest.json: what the program embeds, and of which sources it was built.

usage: dashboard/scripts/manifest.py [--check]
  (no option)  writes it; the last step of `npm run build`
  --check      writes nothing; exit 1 when dist/ was built from other sources or changed by hand (needs no Node.js)
"""

import hashlib
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml"}
BYTES_MAX = 500_000


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def inputs():
    """What the bundle depends on; tests do not."""
    files = [ROOT / name for name in ("index.html", "package-lock.json", "tsconfig.json", "vite.config.ts")]
    files += [path for folder in ("src", "public") for path in (ROOT / folder).rglob("*") if path.is_file() and ".test." not in path.name]
    return sorted(files)


def manifest():
    sources = hashlib.sha256("".join(f"{path.relative_to(ROOT).as_posix()} {digest(path)}\n" for path in inputs()).encode()).hexdigest()
    files = [{"path": path.relative_to(DIST).as_posix(), "type": TYPES[path.suffix], "bytes": path.stat().st_size, "sha256": digest(path)}
             for path in sorted(DIST.rglob("*")) if path.is_file() and path.name != "manifest.json"]
    return {"sources_sha256": sources, "bytes": sum(file["bytes"] for file in files), "files": files}


def main():
    made = manifest()
    if made["bytes"] > BYTES_MAX:
        sys.exit(f"the page has {made['bytes']} bytes, allowed are {BYTES_MAX}")
    text = json.dumps(made, indent=2) + "\n"
    place = DIST / "manifest.json"
    if "--check" not in sys.argv[1:]:
        place.write_text(text)
        print("\n".join(f"{file['path']} {file['bytes']}" for file in made["files"]) + f"\n{made['bytes']} bytes in all")
    elif not place.is_file() or place.read_text() != text:
        sys.exit("dashboard/dist is not what dashboard/src makes: run `npm ci && npm run build` in dashboard/")


if __name__ == "__main__":
    main()
