// What the scripts of a page share: the data that explorer.py writes, and what the page makes of it.
type Numbers = Int8Array | Int16Array | Int32Array;
type Maybe<T> = T | null;

interface Packed { kind: "int8" | "int16" | "int32"; data: string }
interface PackedText { data: string }
type Axis = [point: number, quantity: string];
interface View { pair: string; series: string; point: Maybe<number>; x: Axis; y: Axis }
interface Preset { title: string; note: string; examples: number[]; series: string }
interface Sheet { count: number; columns: number; tile: [number, number]; url: string }

// P is the type of packed columns, T that of packed texts.
interface Point<P> {
  name: string; series: string; place: string; size: string | number;
  scores: P; num_in: P; num_out: P; predicted: P;
  influence: Maybe<{ index: Packed; infl: Packed; q: Packed }>;
  read?: Promise<Numbers[]>;
}
interface Series<P> { name: string; points: number[]; kinds: Maybe<P> }
interface Data<P, T> {
  study: string; count: number; quantities: string[]; class_names: string[]; kinds: string[];
  ids: T; given: P; label: P; suggested: P; points: Point<P>[]; series: Series<P>[];
  test: { ids: T; label: P };
  similar: Maybe<{ space: string; index: Packed; likeness: Packed; read?: Promise<Numbers[]> }>;
  presets: Preset[]; views: View[]; pairs: Record<string, { title: string; x: string; y: string }>;
  trajectory: any;
  albums: Record<string, Maybe<{ examples: Packed; width: number; height: number; sheets: Sheet[] }>>;
}
type Table = Data<Numbers, string[]>;

interface Album {
  width: number; height: number; places: Map<number, number>; starts: number[];
  sheets: (Sheet & { image?: Promise<HTMLImageElement> })[];
}
interface Region { x: [Maybe<number>, Maybe<number>]; y: [Maybe<number>, Maybe<number>] }
interface State {
  pair: string; series: number; point: number; preset: Maybe<number>; region: Maybe<Region>;
  sort: string; down: boolean; limit: number;
}
// Where the scatter's dots are, in pixels of the page.
interface Drawn {
  left: number; top: number; width: number; height: number; low: { x: number; y: number };
  x: Numbers; y: Numbers; cells: Map<number, number[]>;
}
interface App {
  table: Table; albums: Record<string, Album>; state: State; presets: Preset[];
  orders: { key?: string; order?: ArrayLike<number> }; lower?: string[];
  decisions: Map<string, string>; found: number[]; drawn?: Drawn; trajectory?: any;
  open: Maybe<{ example: number; from: Element }>; writing?: number;
}

declare function vegaEmbed(place: HTMLElement, spec: any, options: any): Promise<any>;
