/** Which lucide icon stands for what, on buttons and on the map alike. */
import {
  Ban, Bell, BookOpen, Building2, Bus, Check, CheckCheck, CircleCheck, Columns3, Drum, Flag, Gavel, Gift, Grid3x3, Handshake, Hourglass, House,
  Landmark, Map as MapSheet, MapPin, MessagesSquare, Music, Network, Pause, Route, Scale, Soup, Sparkles, Sprout, Stethoscope, TreeDeciduous, Tent,
  User, Users, Wrench, type IconNode,
} from 'lucide';
import type { IncidentState } from '../api/shapes';

export type { IconNode };

export const INCIDENT_ICONS: Record<IncidentState, [IconNode, string]> = {
  pending_location: [MapPin, 'state-wait'],
  pending_dispatch: [Hourglass, 'state-wait'],
  pending_accept: [Bell, 'state-accept'],
  in_progress: [Wrench, 'state-work'],
  pending_check: [CheckCheck, 'state-check'],
  deliberating: [MessagesSquare, 'state-check'],
  suspended: [Pause, 'state-rest'],
  closed: [Check, 'state-done'],
  cancelled: [Ban, 'state-rest'],
};

/** The venues where people deliberate, told apart from those that serve them. */
export const DELIBERATION = ['pavilion', 'corridor', 'courtyard'];

export const VENUE_ICONS: Record<string, IconNode> = {
  pavilion: Tent, corridor: Columns3, courtyard: TreeDeciduous, party_centre: Flag, civilisation_station: Sparkles,
  party_courtyard: Sprout, judge_station: Gavel, mediation_room: Scale, elder_canteen: Soup, clinic: Stethoscope,
  book_room: BookOpen, culture_square: Music, clan_hall: Drum, points_shop: Gift,
};

export const KIND_ICONS: Record<string, IconNode> = {
  household: House, settlement: MapPin, villager_group: Users, venue: Landmark, region: MapSheet, grid: Grid3x3,
  responder: User, cluster: Network, incident: Bell, bus_line: Bus, road: Route, social_org: Handshake, building: Building2,
};

export const OK_ICON = CircleCheck;
