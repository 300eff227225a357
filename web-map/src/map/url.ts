/** What is shown, in the address: so that a view can be sent to a colleague and found again. */
import { DEFAULT_ON, TOGGLE_KEYS, type ToggleKey } from './toggles';

export interface Camera {
  zoom: number;
  lat: number;
  lon: number;
}

export interface Selection {
  kind: string;
  id: string;
}

export interface View {
  camera: Camera | null;
  layers: ToggleKey[];
  selection: Selection | null;
  tab: string | null;
  region: string | null;
}

export const isSame = (a: Selection, b: Selection): boolean => a.kind === b.kind && a.id === b.id;

const KIND = /^[a-z_]{1,32}$/;
const ID = /^[0-9A-Za-z_.,-]{1,64}$/;

/** A bare place as a selection's id, and back. */
export const placeId = (lon: number, lat: number): string => `${lon.toFixed(5)},${lat.toFixed(5)}`;
export function placeOf({ kind, id }: Selection): { lon: number; lat: number } | null {
  const [lon = NaN, lat = NaN] = id.split(',').map(Number);
  return kind === 'point' && Math.abs(lon) <= 180 && Math.abs(lat) <= 90 ? { lon, lat } : null;
}

/** Reads an address's hash. Whatever is not understood is left out, never trusted. */
export function readView(hash: string): View {
  const query = new URLSearchParams(hash.replace(/^#/, ''));
  const [kind = '', id = ''] = (query.get('sel') ?? '').split(':');
  const named = query.get('layers');
  const region = query.get('region');
  return {
    camera: readCamera(query.get('map')),
    layers: named === null ? [...DEFAULT_ON] : TOGGLE_KEYS.filter((key) => named.split(',').includes(key)),
    selection: KIND.test(kind) && ID.test(id) ? { kind, id } : null,
    tab: KIND.test(query.get('tab') ?? '') ? query.get('tab') : null,
    region: region !== null && ID.test(region) ? region : null,
  };
}

function readCamera(text: string | null): Camera | null {
  const parts = (text ?? '').split('/').map(Number);
  const [zoom, lat, lon] = parts;
  if (parts.length !== 3 || zoom === undefined || lat === undefined || lon === undefined) return null;
  const sane = zoom >= 0 && zoom <= 24 && Math.abs(lat) <= 85 && Math.abs(lon) <= 180;
  return text && sane ? { zoom, lat, lon } : null;
}

/** The hash of a view; what is as usual is left out, to keep it short. */
export function writeView(view: View): string {
  const parts: string[] = [];
  if (view.camera) {
    const { zoom, lat, lon } = view.camera;
    parts.push(`map=${zoom.toFixed(2)}/${lat.toFixed(5)}/${lon.toFixed(5)}`);
  }
  const usual = view.layers.length === DEFAULT_ON.length && DEFAULT_ON.every((key) => view.layers.includes(key));
  if (!usual) parts.push(`layers=${TOGGLE_KEYS.filter((key) => view.layers.includes(key)).join(',')}`);
  if (view.region) parts.push(`region=${view.region}`);
  if (view.tab) parts.push(`tab=${view.tab}`);
  if (view.selection) parts.push(`sel=${view.selection.kind}:${view.selection.id}`);
  return parts.length > 0 ? `#${parts.join('&')}` : '';
}
