#!/usr/bin/env bash
# Makes the README's pictures from a fresh run of the demo: docs/sheet.jpg and docs/report.jpg.
#
#     cargo build --release && docs/make_pictures.sh
#
# IP2P names the program (default target/release/ip2p), CHROMIUM the browser. Pictures are scaled and written
# as JPEG by PYTHON (default python3) with Pillow, or by ImageMagick where Pillow is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

ip2p=${IP2P:-target/release/ip2p}
python=${PYTHON:-python3}
sheet_width=1474
report_width=1200
report_height=775

find_first() {
  local name
  for name in "$@"; do
    if command -v "$name"; then return; fi
  done
  return 1
}

missing() {
  echo "error: $1 is missing" >&2
  echo "hint: $2" >&2
  exit 2
}

[ -x "$ip2p" ] || missing "$ip2p" "cargo build --release, or name the program: IP2P=..."
chromium=${CHROMIUM:-$(find_first chromium chromium-browser google-chrome)} ||
  missing "a browser" "install chromium, or name one: CHROMIUM=..."
magick=""
"$python" -c "import PIL" 2>/dev/null || magick=$(find_first magick convert) ||
  missing "what scales pictures" "install Pillow (pip install pillow), or ImageMagick"

# to_jpeg FROM WIDTH QUALITY TO
to_jpeg() {
  if [ -n "$magick" ]; then
    "$magick" "$1" -resize "$2x" -strip -quality "$3" "$4"
  else
    "$python" - "$@" <<'PYTHON'
import sys

from PIL import Image

source, width, quality, target = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
picture = Image.open(source).convert("RGB")
height = round(picture.height * width / picture.width)
picture.resize((width, height), Image.Resampling.LANCZOS).save(target, quality=quality, optimize=True)
PYTHON
  fi
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$ip2p" demo --out "$work/demo"
to_jpeg "$work/demo/sheets/sheet.png" "$sheet_width" 85 docs/sheet.jpg

# The time is that of the page: images are in sight and decoded long before it has passed.
"$chromium" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" \
  --window-size="$report_width,$report_height" --virtual-time-budget=10000 --screenshot="$work/report.png" \
  "file://$work/demo/report/index.html#superColumns=instruction" 2>"$work/chromium.log" || { cat "$work/chromium.log" >&2; exit 1; }
to_jpeg "$work/report.png" "$report_width" 82 docs/report.jpg

ls -l docs/sheet.jpg docs/report.jpg
