// Cell values, asked of the coverage.

import { figures, THIN } from "./words.js";

const NPY_TYPES = {
  b1: "Int8", u1: "Uint8", i2: "Int16", u2: "Uint16", i4: "Int32", u4: "Uint32", f4: "Float32", f8: "Float64",
};

// The numbers of a NumPy array file.
const readNpy = (buffer) => {
  const view = new DataView(buffer);
  const wide = view.getUint8(6) > 1;
  const start = (wide ? 12 : 10) + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = new TextDecoder().decode(buffer.slice(10, start));
  const [, order, type] = header.match(/'descr': *'([<>|=])(\w+)'/);
  const kind = NPY_TYPES[type === "i1" ? "b1" : type];
  const bytes = Number(type.slice(1));
  return Array.from({ length: (buffer.byteLength - start) / bytes }, (_, i) =>
    view[`get${kind}`](start + i * bytes, order !== ">"));
};

// The values of all fields of a coverage at a position, as text.
export const valuesAt = async ({ coverage, fields }, tiles, [x, y]) => {
  const { plane } = tiles;
  const half = tiles.matrices.at(-1).cellSize / 100;
  const corners = [...plane.swap([x - half, y - half]), ...plane.swap([x + half, y + half])];
  const query = new URLSearchParams({
    f: "npy", bbox: corners.join(","), "bbox-crs": plane.uri, crs: plane.uri, width: 1, height: 1,
  });
  const answer = await fetch(`${coverage}${coverage.includes("?") ? "&" : "?"}${query}`);
  if (!answer.ok) return "";
  const values = readNpy(await answer.arrayBuffer());
  return fields.map(({ title, unit, nulls }, i) => {
    const value = values[i];
    const isNone = Number.isNaN(value) || nulls.includes(value);
    const decimals = Number.isInteger(value) ? 0 : Math.max(0, 5 - Math.ceil(Math.log10(Math.abs(value) + 1)));
    return `${title} ${isNone ? "no data" : figures(value, decimals) + (unit ? THIN + unit : "")}`;
  }).join(" · ");
};
