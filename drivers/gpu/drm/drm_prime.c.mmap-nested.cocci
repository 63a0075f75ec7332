// SPDX-License-Identifier: GPL-2.0-only
/// The driver's file operations may have either hook; the file has none.

// Fires: 1
@prime@
expression driver;
identifier file, vma;
symbol ret;
@@
 drm_gem_prime_mmap(...)
 {
 <...
-ret = driver->fops->mmap(file, vma);
+ret = fops_mmap(driver->fops, file, vma);
 ...>
 }
