/**
 * Photos on their way: kept on the phone until the server has them. A photo goes up once its report has, under an id of
 * its own, so that sending it twice is the same photo. Pure steps here; storage and network are handed in.
 */
import { Problem } from '../api/client';

export interface PhotoEntry {
  id: string;
  /** The report's id, which is the incident's. */
  incident: string;
  file: Blob;
  taken_at: string;
  /** Why the server refused it, for the reader; empty while it waits. */
  trouble: string;
}

export interface PhotoStore {
  all(): Promise<PhotoEntry[]>;
  put(entry: PhotoEntry): Promise<void>;
  remove(id: string): Promise<void>;
}

export type SendPhoto = (entry: PhotoEntry) => Promise<unknown>;

export class PhotoQueue {
  private entries: PhotoEntry[] = [];
  private running = false;

  constructor(private readonly store: PhotoStore, private readonly send: SendPhoto, private readonly changed: (entries: PhotoEntry[]) => void) {}

  /** Takes up what an earlier visit left. */
  async restore(): Promise<void> {
    const kept = await this.store.all().catch(() => []);
    const known = new Set(this.entries.map((e) => e.id));
    this.entries = [...kept.filter((e) => !known.has(e.id)), ...this.entries];
    this.tell();
  }

  /** Keeps photos; where the phone refuses to, they are held as long as the page is open. */
  async add(entries: readonly PhotoEntry[]): Promise<void> {
    this.entries.push(...entries);
    this.tell();
    for (const entry of entries) await this.store.put(entry).catch(() => undefined);
  }

  async retry(): Promise<void> {
    for (const entry of this.entries) entry.trouble = '';
    this.tell();
  }

  /** Forgets what was refused, or the photos of a report that is not sent any more. */
  async drop(which: (entry: PhotoEntry) => boolean): Promise<void> {
    const gone = this.entries.filter(which);
    this.entries = this.entries.filter((e) => !gone.includes(e));
    this.tell();
    for (const { id } of gone) await this.store.remove(id).catch(() => undefined);
  }

  /** Sends what waits, but for reports that wait themselves; stops at the first that cannot get through. */
  async flush(held: () => ReadonlySet<string>): Promise<void> {
    if (this.running) return;
    this.running = true;
    try {
      for (let entry = this.next(held()); entry; entry = this.next(held())) {
        const current = entry;
        try {
          await this.send(current);
          await this.drop((e) => e === current);
        } catch (error) {
          if (!(error instanceof Problem) || error.passing) break;
          current.trouble = error.message;
          this.tell();
          await this.store.put(current).catch(() => undefined);
        }
      }
    } finally {
      this.running = false;
    }
  }

  private next(held: ReadonlySet<string>): PhotoEntry | undefined {
    return this.entries.find((e) => e.trouble === '' && !held.has(e.incident));
  }

  private tell(): void {
    this.changed(this.entries.map((e) => ({ ...e })));
  }
}

const NAME = 'yitu.field';
const TABLE = 'photos';

/** The phone's own database; every step fails where the browser forbids it. */
export function phoneStore(): PhotoStore {
  const opened = new Promise<IDBDatabase>((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(TABLE, { keyPath: 'id' });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error ?? new Error('no database'));
  });
  opened.catch(() => undefined); // told to whoever asks for it
  const step = async <T>(mode: IDBTransactionMode, run: (table: IDBObjectStore) => IDBRequest<T>): Promise<T> => {
    const transaction = (await opened).transaction(TABLE, mode);
    const request = run(transaction.objectStore(TABLE));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error ?? new Error('not kept'));
    });
  };
  return {
    all: () => step('readonly', (table) => table.getAll() as IDBRequest<PhotoEntry[]>),
    put: (entry) => step('readwrite', (table) => table.put(entry)).then(() => undefined),
    remove: (id) => step('readwrite', (table) => table.delete(id)).then(() => undefined),
  };
}
