/** Words on their grounds: WCAG 2.1 AA asks for 4.5 to 1. The browser tests see only the states that happen to be shown. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

type Rgb = [number, number, number];
const css = readFileSync(join(import.meta.dirname, '../src/ui/tokens.css'), 'utf8');

function tokens(theme: string): Map<string, Rgb> {
  const block = new RegExp(`data-theme='${theme}'\\] \\{(.*?)\\n\\}`, 's').exec(css)?.[1] ?? '';
  const hex = (text: string): Rgb => [0, 2, 4].map((at) => parseInt(text.slice(at, at + 2), 16)) as Rgb;
  return new Map([...block.matchAll(/--([\w-]+): #([0-9a-f]{6})/g)].map(([, name = '', value = '']) => [name, hex(value)]));
}

/** Relative luminance, WCAG 2.1. */
function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4)) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: Rgb, b: Rgb): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const tint = (colour: Rgb, ground: Rgb): Rgb => colour.map((c, i) => c * 0.11 + (ground[i] ?? 0) * 0.89) as Rgb;

describe.each(['light', 'dark'])('contrast in the %s theme', (theme) => {
  const known = tokens(theme);
  const of = (name: string) => known.get(name) ?? expect.unreachable(`no colour --${name}`);
  it.each(['state-wait', 'state-accept', 'state-work', 'state-check', 'state-done', 'state-rest'])('of a chip in --%s', (name) => {
    expect(contrast(of(name), tint(of(name), of('panel')))).toBeGreaterThanOrEqual(4.5);
  });
  it.each(['text', 'text-2', 'accent', 'warn', 'alarm', 'ok'])('of words in --%s', (name) => {
    for (const ground of ['panel', 'panel-soft', 'bg']) expect(contrast(of(name), of(ground)), ground).toBeGreaterThanOrEqual(4.5);
  });
});
