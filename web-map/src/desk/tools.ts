/** What the desk does to an incident beside its owner's own steps, and what each of them sends. */
import type { Act } from '../api/client';
import type { Incident, Unit } from '../api/shapes';

export const TOOLS = ['locate', 'transfer', 'whistle', 'deliberate'] as const;
export type Tool = (typeof TOOLS)[number];

/** Those its state allows. A restricted matter is nobody's else to know: nobody is called to it, no agenda names it. */
export function toolsOf({ state, actions, restricted }: Pick<Incident, 'state' | 'actions' | 'restricted'>): Tool[] {
  const fits: Record<Tool, boolean> = {
    locate: state === 'pending_location', transfer: true, whistle: !restricted, deliberate: !restricted && state === 'in_progress',
  };
  return TOOLS.filter((tool) => fits[tool] && actions.includes(tool));
}

/** What a tool was given so far. */
export interface Given {
  note: string;
  units: readonly Unit[];
  place: { lon: number; lat: number } | null;
}

/** The step to send, or null while something is missing. */
export function stepOf(tool: Tool, { note, units, place }: Given): Act | null {
  const said = note.trim();
  const base: Act = { action: tool, ...(said ? { note: said } : {}) };
  const ids = units.map((unit) => Number(unit.id));
  switch (tool) {
    case 'locate': return place && { ...base, location: { source: 'map', lon: place.lon, lat: place.lat } };
    case 'transfer': return ids[0] === undefined ? null : { ...base, to_unit_id: ids[0] };
    case 'whistle': return ids.length === 0 ? null : { ...base, unit_ids: ids };
    case 'deliberate': return base;
  }
}
