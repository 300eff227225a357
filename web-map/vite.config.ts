import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import vue from '@vitejs/plugin-vue';
import { defineConfig, type Plugin } from 'vite';

const page = (name: string) => fileURLToPath(new URL(`./${name}.html`, import.meta.url));
const server = process.env['YITU_URL'] ?? 'http://127.0.0.1:8080';

/** Greatest sizes in bytes, gzipped: what a page loads at once, and with what it loads beside (the map library). */
const BUDGETS = [
  { entry: 'field', dynamic: false, most: 120_000 },
  { entry: 'screen', dynamic: true, most: 750_000 },
];

/** Fails the build when a page has grown over its budget. */
function budgets(): Plugin {
  return {
    name: 'budgets',
    generateBundle(_, bundle) {
      for (const { entry, dynamic, most } of BUDGETS) {
        const wanted = Object.values(bundle).filter((c) => c.type === 'chunk' && c.isEntry && c.name === entry).map((c) => c.fileName);
        const loaded = new Set<string>();
        for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
          const chunk = bundle[name];
          if (chunk?.type !== 'chunk' || loaded.has(name)) continue;
          loaded.add(name);
          wanted.push(...chunk.imports, ...(dynamic ? chunk.dynamicImports : []));
        }
        const size = [...loaded].reduce((sum, name) => sum + gzipSync((bundle[name] as { code: string }).code).length, 0);
        if (loaded.size === 0 || size > most) this.error(`${entry}: ${size} bytes of JavaScript gzipped, ${most} allowed`);
        this.info(`${entry}: ${size} of ${most} bytes gzipped`);
      }
    },
  };
}

export default defineConfig({
  plugins: [vue(), budgets()],
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false' },
  build: {
    target: 'es2022',
    // Nothing may be inlined: the server's policy allows scripts, styles and workers from itself only.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1200,
    rollupOptions: {
      input: { index: page('index'), screen: page('screen'), field: page('field'), desk: page('desk'), 'sign-in': page('sign-in') },
    },
  },
  worker: { format: 'es' },
  server: {
    proxy: Object.fromEntries(['/api', '/tiles', '/ogc', '/live'].map((path) => [path, server])),
  },
});
