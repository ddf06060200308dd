import { createApp } from 'vue';
import Upload from './upload.vue';

createApp(Upload).mount('main');
