// The script of every page. Everything works without it.
import { startControls } from './controls.js';
import { startKeys } from './keys.js';
import { startLive } from './live.js';
import { startPalette } from './palette.js';
import { watchSession } from './session.js';
import { startTimes } from './times.js';

document.documentElement.dataset.js = '';
watchSession();
startTimes();
startControls();
startPalette();
startKeys();
startLive();
