// Pictures are cut out of sheets, of train and of test examples; a sheet is decoded when needed.
/** @param {Data<Packed, PackedText>["albums"]} albums */
async function readAlbums(albums) {
  /** @type {Record<string, Album>} */
  const read = {};
  for (const [part, album] of Object.entries(albums)) {
    if (!album) continue;
    const examples = await numbersOf(album.examples);
    const starts = [0];
    for (const sheet of album.sheets) starts.push(starts[starts.length - 1] + sheet.count);
    read[part] = { ...album, starts, places: new Map(Array.from(examples, (one, k) => [one, k])) };
  }
  return read;
}

/** @param {Album | undefined} album @param {number} example */
function hasPicture(album, example) {
  return Boolean(album?.places.has(example));
}

/** @param {Album["sheets"][number]} sheet */
function decoded(sheet) {
  sheet.image ??= (async () => {
    const image = new Image();
    image.src = sheet.url;
    await image.decode();
    return image;
  })();
  return sheet.image;
}

/** Fills an element with the picture of an example, or with words where the page has none.
 * @param {HTMLElement} element @param {Album | undefined} album
 * @param {number} example @param {string} text */
function paint(element, album, example, text) {
  const place = album?.places.get(example);
  element.classList.toggle("absent", place === undefined);
  if (!album || place === undefined) {
    element.textContent = "no picture kept";
    return;
  }
  const number = album.starts.findLastIndex((start) => start <= place);
  const { tile, columns } = album.sheets[number];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [album.width, album.height];
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", text);
  element.classList.add("waiting");
  element.replaceChildren(canvas);
  const within = place - album.starts[number];
  const [x, y] = [(within % columns) * tile[0], Math.floor(within / columns) * tile[1]];
  const { width, height } = album;
  decoded(album.sheets[number]).then((image) => {
    canvas.getContext("2d")?.drawImage(image, x, y, width, height, 0, 0, width, height);
    if (canvas.parentElement === element) element.classList.remove("waiting");
  }).catch(problem);
}

/** Sections name the pictures of their tables by sheet and example.
 * @param {Record<string, Album>} albums */
function paintSections(albums) {
  for (const element of elements("[data-sheet]")) {
    const { sheet = "", example, text = "" } = element.dataset;
    paint(element, albums[sheet], Number(example), text);
  }
}
