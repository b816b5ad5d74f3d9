import { render } from 'preact';
import { App } from './App.js';

const place = document.getElementById('app');
if (place) render(<App />, place);
