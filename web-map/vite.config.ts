import { fileURLToPath } from 'node:url';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

const page = (name: string) => fileURLToPath(new URL(`./${name}.html`, import.meta.url));
const server = process.env['YITU_URL'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [vue()],
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false' },
  build: {
    target: 'es2022',
    // Nothing may be inlined: the server's policy allows scripts, styles and workers from itself only.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1200,
    rollupOptions: {
      input: { index: page('index'), screen: page('screen'), field: page('field'), desk: page('desk') },
    },
  },
  worker: { format: 'es' },
  server: {
    proxy: Object.fromEntries(['/api', '/tiles', '/ogc', '/live'].map((path) => [path, server])),
  },
});
