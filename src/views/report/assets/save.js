// What the grid shows as one picture. Browsers let no page read pictures that lie beside it on a disk: there the command
// that draws the same is copied.

/** Pixels around and between what is drawn, and of a line of text. */
const DRAWN = { margin: 24, gap: 4, line: 18, labels: 130, most: 16_000 };

function saveButton() {
  const button = element("button", { type: "button", id: "save-view", text: "Save PNG", title: "The grid as one picture", onclick: saveView });
  return element("div", { class: "buttons" }, button, element("span", { id: "save-told", class: "muted", role: "status" }));
}

async function saveView() {
  const told = byId("save-told");
  told.textContent = "";
  try {
    const canvas = await drawView(element("canvas"));
    canvas.toBlob((blob) => saveFile(blob, `${data.name}-view.png`));
  } catch {
    const isCopied = await copyText(viewCommand());
    told.textContent = isCopied ? "A page on a disk may not: ip2p sheet copied instead." : viewCommand();
  }
}

function saveFile(blob, name) {
  const url = URL.createObjectURL(blob);
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Draws title, labels, images and scores. Fails where the browser keeps the page from its own pictures. */
async function drawView(canvas) {
  const size = Math.max(SIZE.least, cellSize(state));
  const across = size / layout.mini.columns;
  const tile = { width: across, height: across / ratioOf(layout.cells.flat()) };
  const [top, left] = [DRAWN.margin + DRAWN.line * 4, DRAWN.margin + DRAWN.labels];
  const width = left + layout.columns.length * (tile.width + DRAWN.gap) + DRAWN.margin;
  const height = top + layout.rows.length * (tile.height + DRAWN.gap + (layout.wrapped ? DRAWN.line : 0)) + DRAWN.margin;
  const factor = Math.min(1, DRAWN.most / width, DRAWN.most / height);
  [canvas.width, canvas.height] = [width * factor, height * factor];
  const ink = canvas.getContext("2d");
  ink.scale(factor, factor);
  const colours = getComputedStyle(document.body);
  ink.fillStyle = colours.backgroundColor;
  ink.fillRect(0, 0, width, height);
  const write = (text, x, y, room, align = "left", weight = 400) => {
    ink.fillStyle = colours.color;
    ink.textAlign = align;
    ink.font = `${weight} 13px ${colours.fontFamily}`;
    ink.fillText(text, x, y, room);
  };
  write(data.name, DRAWN.margin, DRAWN.margin + DRAWN.line, width - 2 * DRAWN.margin, "left", 600);
  const rest = restAxes(state).map((axis) => `${axis} ${shortValue(axis, valuesOf(axis)[chosenValue(state, axis)])}`);
  const sides = SIDES.filter((side) => state[side]).map((side) => `${SIDE_NAMES[side].toLowerCase()}: ${state[side]}`);
  write([...rest, ...sides].join(" · "), DRAWN.margin, DRAWN.margin + 2 * DRAWN.line, width - 2 * DRAWN.margin);
  const place = (row, column) => ({
    x: left + column * (tile.width + DRAWN.gap),
    y: top + row * (tile.height + DRAWN.gap + (layout.wrapped ? DRAWN.line : 0)) + (layout.wrapped ? DRAWN.line : 0),
  });
  layout.labels.columns.forEach((column, index) => {
    write(heatWords(state.superColumns, state.columns, column), place(0, index * layout.mini.columns).x, top - 6, size);
  });
  layout.labels.rows.forEach((row, index) => {
    write(heatWords(state.superRows, state.rows, row), left - 8, place(index * layout.mini.rows, 0).y + tile.height / 2, DRAWN.labels - 8, "right");
  });
  for (const [row, line] of layout.cells.entries()) {
    for (const [column, index] of line.entries()) {
      if (index !== undefined) await drawTile(ink, data.cells[index], place(row, column), tile, write);
    }
  }
  // Throws where a picture came from elsewhere, as those beside a page on a disk do.
  ink.getImageData(0, 0, 1, 1);
  return canvas;
}

async function drawTile(ink, cell, { x, y }, { width, height }, write) {
  if (layout.wrapped) write(shortValue(layout.wrapped, valueText(cell, layout.wrapped)), x, y - 5, width);
  if (!cell.image) return write(cell.status, x + 4, y + height / 2, width - 8);
  const image = await loaded(cell.thumbnail && width <= THUMBNAIL ? cell.thumbnail : cell.image);
  const scale = Math.min(width / image.naturalWidth, height / image.naturalHeight);
  const [w, h] = [image.naturalWidth * scale, image.naturalHeight * scale];
  ink.drawImage(image, x + (width - w) / 2, y + (height - h) / 2, w, h);
  const score = scoreOf(cell);
  if (score === undefined) return;
  ink.fillStyle = "rgb(0 0 0 / 68%)";
  const text = formatMeasure(scoreKey(), score);
  ink.fillRect(x + 4, y + height - 24, ink.measureText(text).width + 12, 20);
  ink.textAlign = "left";
  ink.fillStyle = "#fff";
  ink.fillText(text, x + 10, y + height - 9);
}

async function loaded(source) {
  const image = element("img", { src: source });
  await image.decode();
  return image;
}
