// Meridians and parallels.

const STEPS = [30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01];

// Meridians and parallels that are about 100 pixels apart, as far as they are in view.
export const graticule = (tiles, view, size) => {
  const { plane } = tiles;
  const extent = view.calculateExtent(size);
  const samples = [];
  for (let i = 0; i <= 16; i += 1) {
    for (let j = 0; j <= 16; j += 1) {
      const at = [extent[0] + ((extent[2] - extent[0]) * i) / 16, extent[1] + ((extent[3] - extent[1]) * j) / 16];
      samples.push(plane.toDegrees(at));
    }
  }
  const seen = samples.filter(Boolean);
  if (!seen.length) return [];
  const metresPerPixel = plane.distance(...around(view)) / 100;
  const wanted = ((metresPerPixel * 100) / plane.radius / Math.PI) * 180;
  const step = STEPS.findLast((each) => each >= wanted) ?? STEPS[0];
  const lats = seen.map(([, lat]) => lat);
  const lons = seen.map(([lon]) => lon);
  const isWide = step >= 5 || Math.max(...lons) - Math.min(...lons) > 180;
  const [west, east] = isWide ? [-180, 180] : [Math.min(...lons) - step, Math.max(...lons) + step];
  const [south, north] = isWide ? [-90, 90] : [Math.min(...lats) - step, Math.max(...lats) + step];
  const bound = window.ol.extent.buffer(tiles.projection.getExtent(), 1e-6);
  const lines = [];
  const draw = (from, to) => {
    let line = [];
    for (let i = 0; i <= 180; i += 1) {
      const at = plane.fromDegrees([from[0] + ((to[0] - from[0]) * i) / 180, from[1] + ((to[1] - from[1]) * i) / 180]);
      if (at.every(Number.isFinite) && window.ol.extent.containsCoordinate(bound, at)) {
        line.push(at);
      } else {
        lines.push(line);
        line = [];
      }
    }
    lines.push(line);
  };
  const first = (low) => Math.ceil(low / step - 1e-9) * step;
  for (let lon = first(west); lon <= Math.min(east, 180); lon += step) {
    draw([lon, Math.max(south, -90)], [lon, Math.min(north, 90)]);
  }
  for (let lat = first(Math.max(south, -90 + step)); lat <= Math.min(north, 90 - step) + 1e-9; lat += step) {
    draw([west, lat], [east, lat]);
  }
  return lines.filter((line) => line.length > 1);
};

// Two positions 50 pixels left and right of the centre.
export const around = (view) => {
  const [x, y] = view.getCenter();
  const half = 50 * view.getResolution();
  return [[x - half, y], [x + half, y]];
};
