/** Map symbols: lucide's lines drawn in white on a disc, so that no sprite has to be fetched. */
import type { Map } from 'maplibre-gl';
import { INCIDENT_ICONS, VENUE_ICONS, DELIBERATION, type IconNode } from '../ui/icons';
import type { Theme } from './theme';

const SIZE = 26; // CSS pixels of a disc
const RATIO = 2;

export function addSymbols(map: Map, theme: Theme): void {
  const white = theme.colour('map-badge');
  for (const [state, [icon, token]] of Object.entries(INCIDENT_ICONS)) {
    map.addImage(`incident-${state}`, disc(icon, theme.colour(token), white, 'round'), { pixelRatio: RATIO });
  }
  for (const [kind, icon] of Object.entries(VENUE_ICONS)) {
    const token = DELIBERATION.includes(kind) ? 'map-venue' : 'map-venue-service';
    map.addImage(`venue-${kind}`, disc(icon, theme.colour(token), white, 'square'), { pixelRatio: RATIO });
  }
  // The place a household's dot takes up.
  map.addImage('room', new ImageData(10 * RATIO, 10 * RATIO), { pixelRatio: RATIO });
  // A kind the county added later still gets a symbol.
  map.on('styleimagemissing', ({ id }: { id: string }) => {
    const fallback = id.startsWith('incident-') ? 'incident-in_progress' : 'venue-party_centre';
    const image = map.getImage(fallback);
    if (image && !map.hasImage(id)) map.addImage(id, image.data, { pixelRatio: RATIO });
  });
}

function disc(icon: IconNode, fill: string, line: string, shape: 'round' | 'square'): ImageData {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = SIZE * RATIO;
  const context = canvas.getContext('2d');
  if (!context) throw new Error('no 2D canvas');
  context.scale(RATIO, RATIO);
  context.beginPath();
  if (shape === 'round') context.arc(SIZE / 2, SIZE / 2, SIZE / 2 - 2, 0, Math.PI * 2);
  else context.roundRect(2, 2, SIZE - 4, SIZE - 4, 7);
  context.fillStyle = fill;
  context.fill();
  context.strokeStyle = line;
  context.lineWidth = 1.6;
  context.stroke();
  const scale = (SIZE - 12) / 24;
  context.translate(6, 6);
  context.scale(scale, scale);
  context.lineWidth = 2.4;
  context.lineCap = context.lineJoin = 'round';
  for (const [tag, attributes] of icon) context.stroke(pathOf(tag, attributes));
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** An SVG shape as a canvas path. */
function pathOf(tag: string, attributes: Record<string, string | number | undefined>): Path2D {
  const n = (name: string) => Number(attributes[name] ?? 0);
  if (tag === 'path') return new Path2D(String(attributes['d']));
  const path = new Path2D();
  if (tag === 'circle') path.arc(n('cx'), n('cy'), n('r'), 0, Math.PI * 2);
  else if (tag === 'ellipse') path.ellipse(n('cx'), n('cy'), n('rx'), n('ry'), 0, 0, Math.PI * 2);
  else if (tag === 'rect') path.roundRect(n('x'), n('y'), n('width'), n('height'), n('rx'));
  else if (tag === 'line') {
    path.moveTo(n('x1'), n('y1'));
    path.lineTo(n('x2'), n('y2'));
  } else {
    const points = String(attributes['points']).trim().split(/[\s,]+/).map(Number);
    for (let i = 0; i + 1 < points.length; i += 2) path.lineTo(points[i] ?? 0, points[i + 1] ?? 0);
    if (tag === 'polygon') path.closePath();
  }
  return path;
}
