/** The parts of the page that stand by themselves; their styles are in index.css beside this. */
export { openCameraDialog } from './camera/camera-dialog.js';
export { copyButton } from './controls/copy-button.js';
export { copyText } from './controls/copy-text.js';
export { tabs } from './controls/tabs.js';
export { createToasts, type Toasts } from './controls/toast.js';
export { resultsAsCsv, type CsvResult } from './csv/csv.js';
export { downloadText } from './csv/download.js';
export { openBrowserHistory } from './history/browser-history.js';
export type { History } from './history/history.js';
export type { HistoryEntry } from './history/history-entry.js';
export { historyView } from './history/history-view.js';
export { makeThumbnail } from './history/thumbnail.js';
export { pictureNotes, whyNoResult } from './share/share-link.js';
export { readSharedPicture } from './share/shared-picture.js';
export { shareView } from './share/share-view.js';
export type { SnippetOptions, SnippetRequest } from './snippets/request.js';
export { snippetsView } from './snippets/snippets-view.js';
export { wrongView, type CorrectionRequest } from './wrong/wrong-view.js';
