import { start } from '../ui/app';
import Field from './Field.vue';

start(Field);
