// Pictures are cut out of the two sheets, one of train and one of test examples.
async function readSheets(sheets) {
  const read = {};
  for (const [part, sheet] of Object.entries(sheets)) {
    if (!sheet) continue;
    const image = new Image();
    image.src = sheet.url;
    const [examples] = await Promise.all([numbersOf(sheet.examples), image.decode()]);
    const places = new Map(Array.from(examples, (example, place) => [example, place]));
    read[part] = { ...sheet, image, places };
  }
  return read;
}

function hasPicture(sheet, example) {
  return Boolean(sheet) && sheet.places.has(example);
}

// Fills an element with the picture of an example, or with words where the page has none.
function paint(element, sheet, example, text) {
  if (!hasPicture(sheet, example)) {
    element.textContent = "no picture kept";
    element.classList.add("absent");
    return;
  }
  const place = sheet.places.get(example);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [sheet.width, sheet.height];
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", text);
  const x = (place % sheet.columns) * sheet.tile[0];
  const y = Math.floor(place / sheet.columns) * sheet.tile[1];
  const size = [sheet.width, sheet.height];
  canvas.getContext("2d").drawImage(sheet.image, x, y, ...size, 0, 0, ...size);
  element.classList.remove("absent");
  element.replaceChildren(canvas);
}

// Sections name the pictures of their tables by sheet and example.
function paintSections(sheets) {
  for (const element of document.querySelectorAll("[data-sheet]")) {
    const { sheet, example, text } = element.dataset;
    paint(element, sheets[sheet], Number(example), text);
  }
}
