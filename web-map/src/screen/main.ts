import { start } from '../ui/app';
import Screen from './Screen.vue';

start(Screen);
