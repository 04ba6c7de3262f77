import { startShell } from './app/shell.js';

startShell(document.body);
