import { start } from '../ui/app';
import SignIn from './SignIn.vue';

start(SignIn);
