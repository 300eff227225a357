import { start } from '../ui/app';
import Desk from './Desk.vue';

start(Desk);
