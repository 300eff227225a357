/** A feature's attributes as labelled lines: those we have words for, in the order people ask for them. */
import { t, word, type Key } from '../i18n';
import { zh } from '../i18n/zh';
import { count } from '../ui/format';

export interface Field {
  key: string;
  label: string;
  value: string;
  tags: string[] | null;
}

const ORDER = [
  'number', 'code', 'kind', 'class', 'level', 'roles', 'skills', 'address', 'head_name', 'head', 'member_count', 'members', 'tags', 'phone', 'villager_group',
  'group', 'settlement', 'settlement_name', 'grid_name', 'grid_code', 'village_name', 'village', 'region_name', 'village_code', 'township_name', 'group_name',
  'org_name', 'committee_name', 'responder_name', 'households', 'villages', 'industries', 'capacity', 'opening_hours', 'hours', 'registered', 'length_m', 'area_km2',
  'speed_kmh', 'stops', 'grid_source',
];
/** Where the words of a `kind` stand, by layer; those of other layers come from the county in Chinese. */
const KINDS: Record<string, string> = { grid: 'gridkind', venue: 'venue', settlement: 'settlement' };

function shown(layer: string, key: string, value: unknown): string {
  if (key === 'kind') return word(KINDS[layer] ?? '', String(value));
  if (key === 'grid_source') return word('gridsource', String(value));
  if (key === 'roles' && Array.isArray(value)) return value.map((role) => word('role', String(role))).join('、');
  if (key === 'level') return word('level', String(value));
  if (key === 'class') return word('roadclass', String(value));
  if (key === 'registered') return t(value === true || value === 'true' ? 'value.registered' : 'value.unregistered');
  if (typeof value === 'boolean') return t(value ? 'value.yes' : 'value.no');
  if (typeof value === 'number' && key !== 'number') return count(value);
  if (Array.isArray(value)) return value.map((one) => nameOf(one)).join('、');
  return nameOf(value);
}

function nameOf(value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    const { name, code } = value as { name?: unknown; code?: unknown };
    return String(name ?? code ?? '');
  }
  return String(value);
}

export function fieldsOf(layer: string, properties: Record<string, unknown>): Field[] {
  const fields: Field[] = [];
  for (const key of ORDER) {
    const value = properties[key];
    if (value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) continue;
    if (key === 'level' && properties['kind']) continue; // the kind says it more exactly
    const name = `field.${key}`;
    if (!(name in zh)) continue;
    const text = shown(layer, key, value);
    if (text === '') continue;
    const tags = key === 'tags' ? text.split(/[,,、]/).filter(Boolean) : null;
    fields.push({ key, label: t(name as Key), value: text, tags });
  }
  return fields;
}
