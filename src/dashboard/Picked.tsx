import { useObjectUrl } from './useObjectUrl.js';

/** Thumbnails of the files to send. */
export function Picked({ files, onRemove }: { files: readonly File[]; onRemove: (file: File) => void }) {
  return (
    <ul class="tiles" aria-label={`${files.length} files`}>
      {files.map((file) => (
        <PickedFile key={`${file.name} ${file.size} ${file.lastModified}`} file={file} onRemove={onRemove} />
      ))}
    </ul>
  );
}

function PickedFile({ file, onRemove }: { file: File; onRemove: (file: File) => void }) {
  const url = useObjectUrl(file.type.startsWith('image/') ? file : undefined);
  return (
    <li class="tile">
      <span class="picture checkered">{url && <img src={url} alt="" loading="lazy" />}</span>
      <span class="name">{file.name}</span>
      <button type="button" class="remove" onClick={() => onRemove(file)}>
        <span aria-hidden="true">×</span>
        <span class="unseen">Remove {file.name}</span>
      </button>
    </li>
  );
}
