import { createApp, type Component } from 'vue';
import './base.css';

/** Mounts a page's app. Whatever it failed to handle is at least in the console. */
export function start(page: Component): void {
  const app = createApp(page);
  app.config.errorHandler = (error) => console.error(error);
  app.mount('#app');
}
