/**
 * Reports on their way: kept on the phone until the server has acknowledged them. A report carries its own id, so that
 * sending it twice is the same incident. Pure steps here; storage and network are handed in.
 */
import { Problem, type Report } from '../api/client';
import type { Incident } from '../api/shapes';

export type UploadState = 'waiting' | 'sending' | 'sent' | 'failed';

export interface Entry {
  report: Report;
  title: string;
  state: UploadState;
  /** Why it failed, for the reader. */
  trouble: string;
}

export interface Storage {
  read(): string | null;
  write(text: string): void;
}

export type Send = (report: Report) => Promise<Incident>;

export class Outbox {
  private entries: Entry[];
  private running = false;

  constructor(private readonly storage: Storage, private readonly send: Send, private readonly changed: (entries: Entry[]) => void) {
    this.entries = restore(storage.read());
    changed(this.all());
  }

  all(): Entry[] {
    return this.entries.map((entry) => ({ ...entry }));
  }

  /** Keeps a report, then tries to send everything that waits. Resolves with the incident when this one went through. */
  async add(report: Report, title: string): Promise<Incident | null> {
    if (!this.entries.some((e) => e.report.id === report.id)) this.entries.push({ report, title, state: 'waiting', trouble: '' });
    this.save();
    return (await this.flush()).get(report.id) ?? null;
  }

  retry(id: string): Promise<Map<string, Incident>> {
    for (const entry of this.entries) if (entry.report.id === id) entry.state = 'waiting';
    return this.flush();
  }

  drop(id: string): void {
    this.entries = this.entries.filter((e) => e.report.id !== id);
    this.save();
  }

  /** Sends what waits, in order; stops at the first that cannot get through, as the others would not either. */
  async flush(): Promise<Map<string, Incident>> {
    const sent = new Map<string, Incident>();
    if (this.running) return sent;
    this.running = true;
    try {
      for (let entry = this.next(); entry; entry = this.next()) {
        entry.state = 'sending';
        this.save();
        try {
          sent.set(entry.report.id, await this.send(entry.report));
          this.entries = this.entries.filter((e) => e !== entry);
        } catch (error) {
          const passing = !(error instanceof Problem) || error.passing;
          entry.state = passing ? 'waiting' : 'failed';
          entry.trouble = error instanceof Error ? error.message : '';
          if (passing) break;
        } finally {
          this.save();
        }
      }
    } finally {
      this.running = false;
    }
    return sent;
  }

  private next(): Entry | undefined {
    return this.entries.find((e) => e.state === 'waiting');
  }

  private save(): void {
    this.storage.write(JSON.stringify(this.entries));
    this.changed(this.all());
  }
}

function restore(text: string | null): Entry[] {
  try {
    const kept = JSON.parse(text ?? '[]') as Entry[];
    // Cut off while sending: it may or may not have arrived, and may be sent again either way.
    return Array.isArray(kept) ? kept.map((e) => (e.state === 'sending' ? { ...e, state: 'waiting' } : e)) : [];
  } catch {
    return [];
  }
}
