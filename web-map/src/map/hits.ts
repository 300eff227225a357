/** What a click on the map has found. */
export interface Hit {
  layer: string;
  id: string;
  properties: Record<string, unknown>;
  lon: number;
  lat: number;
  /** How many features a cluster stands for; null for a single one. */
  count: number | null;
}

/** The UUID of an incident on the map; tiles number their features, so that it stands among the properties. */
export function incidentId({ id, properties }: Hit): string {
  const uuid = properties['uuid'] ?? properties['incident_id'] ?? properties['id'];
  return typeof uuid === 'string' ? uuid : id;
}
