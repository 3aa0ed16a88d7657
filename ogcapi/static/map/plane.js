// Coordinate reference systems. Positions are x, y here; a system's own axis order only where texts and documents are
// read or written.

export class Plane {
  // A coordinate reference system: where its positions lie on the body, in degrees.
  constructor(uri, system) {
    this.uri = uri;
    this.axes = system.axes;
    const [[name, first], [, second]] = system.axes;
    this.isYx = (first === "north" && second === "east") || (first !== "east" && /^(N|Lat)/.test(name));
    this.unit = system.unit;
    this.converter = window.proj4(system.proj4);
    this.isGeographic = system.geographic;
    this.radius = new window.proj4.Proj(system.proj4).a; // metres
    this.period = this.isGeographic ? 360 : this.measurePeriod();
  }

  swap([first, second]) {
    return this.isYx ? [second, first] : [first, second];
  }

  // [longitude, latitude] of a position, or null off the globe.
  toDegrees(position) {
    const [lon, lat] = this.isGeographic ? position : this.attempt("inverse", position);
    if (!Number.isFinite(lon) || !Number.isFinite(lat) || Math.abs(lat) > 90.000001) return null;
    return [lon - 360 * Math.floor((lon + 180) / 360), lat];
  }

  fromDegrees(position) {
    return this.isGeographic ? position : this.attempt("forward", position);
  }

  attempt(direction, position) {
    try {
      return this.converter[direction](position);
    } catch {
      return [NaN, NaN]; // proj4js throws for some places that a projection cannot show
    }
  }

  // How far apart in x the same meridian comes again, where a projection repeats; else null.
  measurePeriod() {
    const [origin] = this.fromDegrees([0, 0]);
    const [x45] = this.fromDegrees([45, 0]);
    const [x90] = this.fromDegrees([90, 0]);
    const [high] = this.fromDegrees([90, 60]);
    const isEven = Math.abs(x90 - origin - 2 * (x45 - origin)) < 1 && Math.abs(high - x90) < 1;
    return isEven ? 4 * (x90 - origin) : null;
  }

  // Metres on the ground between two positions; NaN off the globe.
  distance(one, other) {
    const [a, b] = [this.toDegrees(one), this.toDegrees(other)];
    if (!a || !b) return NaN;
    const [lon1, lat1, lon2, lat2] = [...a, ...b].map((angle) => (angle * Math.PI) / 180);
    const half = Math.sin((lat2 - lat1) / 2) ** 2 + Math.cos(lat1) * Math.cos(lat2) * Math.sin((lon2 - lon1) / 2) ** 2;
    return 2 * this.radius * Math.asin(Math.min(1, Math.sqrt(half)));
  }
}
