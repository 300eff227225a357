import { start } from '../ui/app';
import Home from './Home.vue';

start(Home);
