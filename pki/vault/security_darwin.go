//go:build darwin && cgo

package vault

/*
#cgo CFLAGS: -Wno-deprecated-declarations
#cgo LDFLAGS: -framework CoreFoundation -framework Security
#include <CoreFoundation/CoreFoundation.h>
#include <Security/Security.h>
#include <stdlib.h>

// Rules of this file. What a Create or Copy function returns is ours to
// release; what a Get function returns is not. Every dictionary says
// kSecUseDataProtectionKeychain=false: without it macOS searches both kinds of
// keychain, and deletes in both (SecItem.cpp, SecItemCategorizeQuery); the
// file-based one never synchronises. Results go out as +1 references.

static CFMutableDictionaryRef hs_dict(CFTypeRef class) {
  CFMutableDictionaryRef d = CFDictionaryCreateMutable(NULL, 0, &kCFTypeDictionaryKeyCallBacks, &kCFTypeDictionaryValueCallBacks);
  if (class) CFDictionarySetValue(d, kSecClass, class);
  CFDictionarySetValue(d, kSecUseDataProtectionKeychain, kCFBooleanFalse);
  return d;
}

static void hs_set_text(CFMutableDictionaryRef d, CFTypeRef key, const char *text) {
  CFStringRef s = CFStringCreateWithCString(NULL, text, kCFStringEncodingUTF8);
  if (!s) return;
  CFDictionarySetValue(d, key, s);
  CFRelease(s);
}

static void hs_set_data(CFMutableDictionaryRef d, CFTypeRef key, const void *p, long n) {
  CFDataRef b = CFDataCreate(NULL, p, n);
  CFDictionarySetValue(d, key, b);
  CFRelease(b);
}

// The code in an error, and its text. An error of another domain than
// OSStatus has a code that means something else there.
static OSStatus hs_error(CFErrorRef e, CFStringRef *why) {
  if (!e) return errSecInternalError;
  OSStatus s = (OSStatus)CFErrorGetCode(e);
  if (!CFEqual(CFErrorGetDomain(e), kCFErrorDomainOSStatus) || s == errSecSuccess) s = errSecInternalError;
  *why = CFErrorCopyDescription(e);
  CFRelease(e);
  return s;
}

// Deprecated since 10.10 with file-based keychains as a whole; nothing else
// tells whether one is locked.
static OSStatus hs_state(SecKeychainStatus *bits) {
  SecKeychainRef k = NULL;
  OSStatus s = SecKeychainCopyDefault(&k);
  if (s) return s;
  s = SecKeychainGetStatus(k, bits);
  CFRelease(k);
  return s;
}

// A permanent P-256 key that cannot be exported; *point gets its X9.63 point.
static OSStatus hs_key_create(const char *label, CFDataRef *point, CFStringRef *why) {
  int bits = 256;
  CFErrorRef e = NULL;
  CFNumberRef n = CFNumberCreate(NULL, kCFNumberIntType, &bits);
  CFMutableDictionaryRef d = hs_dict(NULL);
  CFDictionarySetValue(d, kSecAttrKeyType, kSecAttrKeyTypeECSECPrimeRandom);
  CFDictionarySetValue(d, kSecAttrKeySizeInBits, n);
  hs_set_text(d, kSecAttrLabel, label);
  CFDictionarySetValue(d, kSecAttrIsPermanent, kCFBooleanTrue);    // both halves
  CFDictionarySetValue(d, kSecAttrIsExtractable, kCFBooleanFalse); // read at the top level only (SecKey.cpp)
  SecKeyRef key = SecKeyCreateRandomKey(d, &e);
  CFRelease(d);
  CFRelease(n);
  if (!key) return hs_error(e, why);
  SecKeyRef public = SecKeyCopyPublicKey(key);
  CFRelease(key);
  if (!public) return errSecInternalError;
  *point = SecKeyCopyExternalRepresentation(public, &e);
  CFRelease(public);
  return *point ? errSecSuccess : hs_error(e, why);
}

static CFMutableDictionaryRef hs_key_query(const void *id, long n, CFTypeRef half) {
  CFMutableDictionaryRef q = hs_dict(kSecClassKey);
  CFDictionarySetValue(q, kSecAttrKeyClass, half);
  hs_set_data(q, kSecAttrApplicationLabel, id, n); // SHA-1 of the point
  return q;
}

static OSStatus hs_key_find(const void *id, long n, SecKeyRef *key) {
  CFMutableDictionaryRef q = hs_key_query(id, n, kSecAttrKeyClassPrivate);
  CFDictionarySetValue(q, kSecReturnRef, kCFBooleanTrue);
  OSStatus s = SecItemCopyMatching(q, (CFTypeRef *)key);
  CFRelease(q);
  return s;
}

static OSStatus hs_key_sign(const void *id, long n, const void *digest, long dn, CFDataRef *sig, CFStringRef *why) {
  SecKeyRef key = NULL;
  OSStatus s = hs_key_find(id, n, &key);
  if (s) return s;
  CFErrorRef e = NULL;
  CFDataRef d = CFDataCreate(NULL, digest, dn);
  *sig = SecKeyCreateSignature(key, kSecKeyAlgorithmECDSASignatureDigestX962, d, &e);
  CFRelease(d);
  CFRelease(key);
  return *sig ? errSecSuccess : hs_error(e, why);
}

// SecItemDelete removes one match a call from a file-based keychain, so it is
// repeated until nothing is left; the bound is against a keychain that lies.
static OSStatus hs_delete_all(CFMutableDictionaryRef q) {
  OSStatus s = errSecSuccess;
  for (int i = 0; i < 16 && s == errSecSuccess; i++) s = SecItemDelete(q);
  CFRelease(q);
  return s == errSecItemNotFound ? errSecSuccess : s;
}

static OSStatus hs_key_delete(const void *id, long n) {
  OSStatus a = hs_delete_all(hs_key_query(id, n, kSecAttrKeyClassPrivate));
  OSStatus b = hs_delete_all(hs_key_query(id, n, kSecAttrKeyClassPublic));
  return a ? a : b;
}

static OSStatus hs_all(CFMutableDictionaryRef q, CFTypeRef what, CFArrayRef *out) {
  CFDictionarySetValue(q, kSecMatchLimit, kSecMatchLimitAll);
  CFDictionarySetValue(q, what, kCFBooleanTrue);
  OSStatus s = SecItemCopyMatching(q, (CFTypeRef *)out);
  CFRelease(q);
  return s;
}

static OSStatus hs_key_list(const char *label, CFArrayRef *out) {
  CFMutableDictionaryRef q = hs_dict(kSecClassKey);
  CFDictionarySetValue(q, kSecAttrKeyClass, kSecAttrKeyClassPrivate);
  hs_set_text(q, kSecAttrLabel, label);
  return hs_all(q, kSecReturnAttributes, out);
}

// A key's application label, or NULL: legacy keys may have text there.
static CFDataRef hs_key_id(CFArrayRef a, long i) {
  CFDataRef id = CFDictionaryGetValue(CFArrayGetValueAtIndex(a, i), kSecAttrApplicationLabel);
  return id && CFGetTypeID(id) == CFDataGetTypeID() ? (CFDataRef)CFRetain(id) : NULL;
}

static OSStatus hs_cert_add(const void *der, long n) {
  CFDataRef d = CFDataCreate(NULL, der, n);
  SecCertificateRef c = SecCertificateCreateWithData(NULL, d);
  CFRelease(d);
  if (!c) return errSecDecode;
  CFMutableDictionaryRef a = hs_dict(kSecClassCertificate);
  CFDictionarySetValue(a, kSecValueRef, c);
  OSStatus s = SecItemAdd(a, NULL);
  CFRelease(a);
  CFRelease(c);
  return s;
}

// In a file-based keychain a certificate's label is its common name.
static OSStatus hs_cert_list(const char *cn, CFArrayRef *out) {
  CFMutableDictionaryRef q = hs_dict(kSecClassCertificate);
  hs_set_text(q, kSecAttrLabel, cn);
  return hs_all(q, kSecReturnRef, out);
}

static CFDataRef hs_cert_data(CFArrayRef a, long i) {
  return SecCertificateCopyData((SecCertificateRef)CFArrayGetValueAtIndex(a, i));
}

// On macOS an item is deleted by reference through kSecMatchItemList (SecItem.h).
static OSStatus hs_cert_delete(CFArrayRef a, long i) {
  const void *ref = CFArrayGetValueAtIndex(a, i);
  CFArrayRef one = CFArrayCreate(NULL, &ref, 1, &kCFTypeArrayCallBacks);
  CFMutableDictionaryRef q = hs_dict(kSecClassCertificate);
  CFDictionarySetValue(q, kSecMatchItemList, one);
  OSStatus s = SecItemDelete(q);
  CFRelease(q);
  CFRelease(one);
  return s;
}
*/
import "C"

import (
	"bytes"
	"unsafe"
)

func (security) state() (locked bool, s osStatus) {
	var bits C.SecKeychainStatus
	s = osStatus(C.hs_state(&bits))
	return s == errSecSuccess && bits&C.kSecUnlockStateStatus == 0, s
}

func (security) message(s osStatus) string {
	return takeText(C.SecCopyErrorMessageString(C.OSStatus(s), nil))
}

func (security) createKey(label string) ([]byte, osStatus, string) {
	text := C.CString(label)
	defer C.free(unsafe.Pointer(text))
	var point C.CFDataRef
	var why C.CFStringRef
	s := osStatus(C.hs_key_create(text, &point, &why))
	return takeData(point), s, takeText(why)
}

func (security) findKey(id keyID) osStatus {
	var key C.SecKeyRef
	s := osStatus(C.hs_key_find(unsafe.Pointer(&id[0]), C.long(len(id)), &key))
	if key != 0 {
		C.CFRelease(C.CFTypeRef(key))
	}
	return s
}

func (security) sign(id keyID, digest []byte) ([]byte, osStatus, string) {
	var signature C.CFDataRef
	var why C.CFStringRef
	s := osStatus(C.hs_key_sign(unsafe.Pointer(&id[0]), C.long(len(id)),
		unsafe.Pointer(unsafe.SliceData(digest)), C.long(len(digest)), &signature, &why))
	return takeData(signature), s, takeText(why)
}

func (security) deleteKey(id keyID) osStatus {
	return osStatus(C.hs_key_delete(unsafe.Pointer(&id[0]), C.long(len(id))))
}

func (security) keys(label string) ([]keyID, osStatus) {
	text := C.CString(label)
	defer C.free(unsafe.Pointer(text))
	var list C.CFArrayRef
	s := osStatus(C.hs_key_list(text, &list))
	var out []keyID
	s = each(list, s, func(i C.long) {
		if id := takeData(C.hs_key_id(list, i)); len(id) == len(keyID{}) {
			out = append(out, keyID(id))
		}
	})
	return out, s
}

func (security) addCertificate(der []byte) osStatus {
	return osStatus(C.hs_cert_add(unsafe.Pointer(unsafe.SliceData(der)), C.long(len(der))))
}

func (security) certificates(cn string) ([][]byte, osStatus) {
	var out [][]byte
	s := eachCertificate(cn, func(_ C.CFArrayRef, _ C.long, der []byte) { out = append(out, der) })
	return out, s
}

func (security) deleteCertificate(cn string, der []byte) osStatus {
	result := errSecItemNotFound
	s := eachCertificate(cn, func(list C.CFArrayRef, i C.long, found []byte) {
		if bytes.Equal(found, der) {
			result = osStatus(C.hs_cert_delete(list, i))
		}
	})
	if s != errSecSuccess {
		return s
	}
	return result
}

func eachCertificate(cn string, fn func(list C.CFArrayRef, i C.long, der []byte)) osStatus {
	text := C.CString(cn)
	defer C.free(unsafe.Pointer(text))
	var list C.CFArrayRef
	s := osStatus(C.hs_cert_list(text, &list))
	return each(list, s, func(i C.long) { fn(list, i, takeData(C.hs_cert_data(list, i))) })
}

// each walks a search's result and releases it; no match is an empty result.
func each(list C.CFArrayRef, s osStatus, fn func(i C.long)) osStatus {
	if s == errSecItemNotFound {
		return errSecSuccess
	}
	if s != errSecSuccess || list == 0 {
		return s
	}
	defer C.CFRelease(C.CFTypeRef(list))
	for i := range C.CFArrayGetCount(list) {
		fn(C.long(i))
	}
	return errSecSuccess
}

// takeData copies and releases; nil for a null reference.
func takeData(d C.CFDataRef) []byte {
	if d == 0 {
		return nil
	}
	defer C.CFRelease(C.CFTypeRef(d))
	return C.GoBytes(unsafe.Pointer(C.CFDataGetBytePtr(d)), C.int(C.CFDataGetLength(d)))
}

// takeText copies and releases; "" for a null reference.
func takeText(s C.CFStringRef) string {
	if s == 0 {
		return ""
	}
	defer C.CFRelease(C.CFTypeRef(s))
	size := C.CFStringGetMaximumSizeForEncoding(C.CFStringGetLength(s), C.kCFStringEncodingUTF8) + 1
	buffer := make([]C.char, size)
	if C.CFStringGetCString(s, &buffer[0], size, C.kCFStringEncodingUTF8) == 0 {
		return ""
	}
	return C.GoString(&buffer[0])
}
