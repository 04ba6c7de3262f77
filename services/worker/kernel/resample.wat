;; The inner loops of resample.ts. Compiled into src/preprocess/resample-kernel.ts by kernel/compile.mjs.
;;
;; A weight w has 22 fractional bits, too many for the 16-bit multiply-and-add (i32x4.dot_i16x8_s, two products a lane).
;; It is split into w = high * 2^11 + low, both of at most 12 bits; the two sums are put together at the end. Integers all
;; the way, so the result is that of 32-bit arithmetic, to the bit.
;;
;; Weights come in pairs of taps: high0 high1 low0 low1, 16 bits each. Taps that do not exist weigh 0; what is read for
;; them lies within memory and does not matter.
(module
  (memory (export "memory") 1)

  ;; Rows of RGB, each to `length` pixels at `out`. `first` holds the byte of the first tap in a row for each pixel, `pairs`
  ;; how many pairs of taps it has; `stride` bytes of weights each, a multiple of 16. Writes one byte past the end of a row.
  (func (export "across")
    (param $source i32) (param $sourceStep i32) (param $rows i32) (param $out i32) (param $outStep i32)
    (param $first i32) (param $pairs i32) (param $weights i32) (param $stride i32) (param $length i32)
    (local $i i32) (local $from i32) (local $weight i32) (local $end i32) (local $to i32)
    (local $pixels v128) (local $two v128) (local $high v128) (local $low v128)
    (loop $nextRow
      (if (i32.eqz (local.get $rows)) (then (return)))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
      (local.set $i (i32.const 0))
      (local.set $to (local.get $out))
      (loop $nextPixel
        (local.set $from (i32.add (local.get $source)
          (i32.load (i32.add (local.get $first) (i32.shl (local.get $i) (i32.const 2))))))
        (local.set $weight (i32.add (local.get $weights) (i32.mul (local.get $i) (local.get $stride))))
        (local.set $end (i32.add (local.get $weight) (i32.shl
          (i32.load (i32.add (local.get $pairs) (i32.shl (local.get $i) (i32.const 2)))) (i32.const 3))))
        (local.set $high (v128.const i32x4 0 0 0 0))
        (local.set $low (v128.const i32x4 0 0 0 0))
        (loop $nextTaps
          ;; Four pixels: r0 g0 b0 r1 g1 b1 ... become r0 r1 g0 g1 b0 b1 and r2 r3 g2 g3 b2 b3, 16 bits each.
          (local.set $pixels (v128.load align=1 (local.get $from)))
          (local.set $two (i8x16.shuffle 0 16 3 16 1 16 4 16 2 16 5 16 16 16 16 16
            (local.get $pixels) (v128.const i32x4 0 0 0 0)))
          (local.set $high (i32x4.add (local.get $high)
            (i32x4.dot_i16x8_s (local.get $two) (v128.load32_splat (local.get $weight)))))
          (local.set $low (i32x4.add (local.get $low)
            (i32x4.dot_i16x8_s (local.get $two) (v128.load32_splat offset=4 (local.get $weight)))))
          (local.set $two (i8x16.shuffle 6 16 9 16 7 16 10 16 8 16 11 16 16 16 16 16
            (local.get $pixels) (v128.const i32x4 0 0 0 0)))
          (local.set $high (i32x4.add (local.get $high)
            (i32x4.dot_i16x8_s (local.get $two) (v128.load32_splat offset=8 (local.get $weight)))))
          (local.set $low (i32x4.add (local.get $low)
            (i32x4.dot_i16x8_s (local.get $two) (v128.load32_splat offset=12 (local.get $weight)))))
          (local.set $from (i32.add (local.get $from) (i32.const 12)))
          (br_if $nextTaps (i32.lt_u
            (local.tee $weight (i32.add (local.get $weight) (i32.const 16))) (local.get $end))))
        (local.set $low (i32x4.shr_s
          (i32x4.add (i32x4.add (i32x4.shl (local.get $high) (i32.const 11)) (local.get $low))
            (v128.const i32x4 2097152 2097152 2097152 2097152))
          (i32.const 22)))
        (local.set $low (i16x8.narrow_i32x4_s (local.get $low) (local.get $low)))
        (v128.store32_lane align=1 0 (local.get $to) (i8x16.narrow_i16x8_u (local.get $low) (local.get $low)))
        (local.set $to (i32.add (local.get $to) (i32.const 3)))
        (br_if $nextPixel (i32.lt_u
          (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $length))))
      (local.set $source (i32.add (local.get $source) (local.get $sourceStep)))
      (local.set $out (i32.add (local.get $out) (local.get $outStep)))
      (br $nextRow)))

  ;; Columns: `length` rows at `out` from rows of `step` bytes, a multiple of 16. `first` holds the first tap's row as bytes.
  (func (export "down")
    (param $source i32) (param $step i32) (param $out i32)
    (param $first i32) (param $pairs i32) (param $weights i32) (param $stride i32) (param $length i32)
    (local $i i32) (local $x i32) (local $from i32) (local $weight i32) (local $begin i32) (local $end i32)
    (local $a v128) (local $b v128) (local $h v128) (local $l v128) (local $two v128)
    (local $high0 v128) (local $high1 v128) (local $high2 v128) (local $high3 v128)
    (local $low0 v128) (local $low1 v128) (local $low2 v128) (local $low3 v128)
    (loop $nextRow
      (local.set $begin (i32.add (local.get $weights) (i32.mul (local.get $i) (local.get $stride))))
      (local.set $end (i32.add (local.get $begin) (i32.shl
        (i32.load (i32.add (local.get $pairs) (i32.shl (local.get $i) (i32.const 2)))) (i32.const 3))))
      (local.set $x (i32.const 0))
      (loop $nextColumns
        (local.set $from (i32.add (i32.add (local.get $source) (local.get $x))
          (i32.load (i32.add (local.get $first) (i32.shl (local.get $i) (i32.const 2))))))
        (local.set $weight (local.get $begin))
        (local.set $high0 (v128.const i32x4 0 0 0 0)) (local.set $high1 (v128.const i32x4 0 0 0 0))
        (local.set $high2 (v128.const i32x4 0 0 0 0)) (local.set $high3 (v128.const i32x4 0 0 0 0))
        (local.set $low0 (v128.const i32x4 0 0 0 0)) (local.set $low1 (v128.const i32x4 0 0 0 0))
        (local.set $low2 (v128.const i32x4 0 0 0 0)) (local.set $low3 (v128.const i32x4 0 0 0 0))
        (loop $nextTaps
          ;; Sixteen bytes of two rows: a0 b0 a1 b1 ..., 16 bits each.
          (local.set $a (v128.load align=1 (local.get $from)))
          (local.set $b (v128.load align=1 (i32.add (local.get $from) (local.get $step))))
          (local.set $h (v128.load32_splat (local.get $weight)))
          (local.set $l (v128.load32_splat offset=4 (local.get $weight)))
          (local.set $two (i8x16.shuffle 0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23 (local.get $a) (local.get $b)))
          (local.set $a (i8x16.shuffle 8 24 9 25 10 26 11 27 12 28 13 29 14 30 15 31 (local.get $a) (local.get $b)))
          (local.set $b (i16x8.extend_low_i8x16_u (local.get $two)))
          (local.set $high0 (i32x4.add (local.get $high0) (i32x4.dot_i16x8_s (local.get $b) (local.get $h))))
          (local.set $low0 (i32x4.add (local.get $low0) (i32x4.dot_i16x8_s (local.get $b) (local.get $l))))
          (local.set $b (i16x8.extend_high_i8x16_u (local.get $two)))
          (local.set $high1 (i32x4.add (local.get $high1) (i32x4.dot_i16x8_s (local.get $b) (local.get $h))))
          (local.set $low1 (i32x4.add (local.get $low1) (i32x4.dot_i16x8_s (local.get $b) (local.get $l))))
          (local.set $b (i16x8.extend_low_i8x16_u (local.get $a)))
          (local.set $high2 (i32x4.add (local.get $high2) (i32x4.dot_i16x8_s (local.get $b) (local.get $h))))
          (local.set $low2 (i32x4.add (local.get $low2) (i32x4.dot_i16x8_s (local.get $b) (local.get $l))))
          (local.set $b (i16x8.extend_high_i8x16_u (local.get $a)))
          (local.set $high3 (i32x4.add (local.get $high3) (i32x4.dot_i16x8_s (local.get $b) (local.get $h))))
          (local.set $low3 (i32x4.add (local.get $low3) (i32x4.dot_i16x8_s (local.get $b) (local.get $l))))
          (local.set $from (i32.add (local.get $from) (i32.shl (local.get $step) (i32.const 1))))
          (br_if $nextTaps (i32.lt_u
            (local.tee $weight (i32.add (local.get $weight) (i32.const 8))) (local.get $end))))
        (v128.store align=1 (i32.add (local.get $out) (local.get $x))
          (i8x16.narrow_i16x8_u
            (i16x8.narrow_i32x4_s
              (call $round (local.get $high0) (local.get $low0)) (call $round (local.get $high1) (local.get $low1)))
            (i16x8.narrow_i32x4_s
              (call $round (local.get $high2) (local.get $low2)) (call $round (local.get $high3) (local.get $low3)))))
        (br_if $nextColumns (i32.lt_u
          (local.tee $x (i32.add (local.get $x) (i32.const 16))) (local.get $step))))
      (local.set $out (i32.add (local.get $out) (local.get $step)))
      (br_if $nextRow (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $length)))))

  (func $round (param $high v128) (param $low v128) (result v128)
    (i32x4.shr_s
      (i32x4.add (i32x4.add (i32x4.shl (local.get $high) (i32.const 11)) (local.get $low))
        (v128.const i32x4 2097152 2097152 2097152 2097152))
      (i32.const 22))))
